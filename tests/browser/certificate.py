"""Certificates that a browser is told to take."""

import base64
import hashlib
import subprocess


def openssl(*arguments, data=None):
    return subprocess.run(["openssl", *arguments], input=data, capture_output=True,
                          check=True).stdout


def hash_of_key(certificate):
    """Of the public key, as Chromium wants it told."""
    public = openssl("x509", "-in", certificate, "-noout", "-pubkey")
    der = openssl("pkey", "-pubin", "-outform", "der", data=public)
    return base64.b64encode(hashlib.sha256(der).digest()).decode()
