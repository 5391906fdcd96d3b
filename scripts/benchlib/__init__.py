"""What scripts/bench is made of. One job per module:

model       what a load, a cell and a row are
cells       which loads are run together          rows      what is made of their numbers
options     the command line                      main      one run, from flags to exit code
machine     what it ran on                        children  processes that we start, and end
servers     gateways and floors                   ringbench one run of the load generator
runner      rounds of a cell                      memory    cells that hold connections
ratios      medians, spreads, verdicts            notes     what is to be known about the numbers
table       results as Markdown                   document  a table between markers of a page
million     the run with 1,000,000 connections    say       lines for people
"""
