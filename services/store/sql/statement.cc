#include "services/store/sql/statement.h"

namespace ringgate::sql {
namespace {

// In the order of the enum. What SQLite and PostgreSQL both take; {shift} and {kept_shift} are the
// dialect's.
constexpr std::array<StatementText, kStatements> kTexts{{
    {"claim_times",
     "UPDATE ringgate_schema SET "
     "send_shift = CASE WHEN sent_until >= $1 THEN sent_until - $1 + 1 ELSE 0 END, "
     "sent_until = CASE WHEN sent_until >= $1 THEN sent_until - $1 + 1 + $2 ELSE $2 END "
     "RETURNING {kept_shift}",
     "nn"},
    {"put_message",
     "INSERT INTO message_content (id, app, sender, send_time, type, body, extra) "
     "VALUES ($1, $2, $3, $4 + {shift}, $5, $6, $7)",
     "nttnnbb"},
    {"put_index",
     "INSERT INTO message_index (app, owner, send_time, message_id, sender, group_id) "
     "VALUES ($1, $2, $3 + {shift}, $4, $5, $6)",
     "ttnntt"},
    {"put_group_message",
     "INSERT INTO message_content (id, app, sender, send_time, type, body, extra) "
     "SELECT $1, $2, $3, $4 + {shift}, $5, $6, $7 FROM chat_group g "
     "WHERE g.app = $2 AND g.id = $8 "
     "AND ($9 = 0 OR g.owner = $3 OR EXISTS (SELECT 1 FROM group_member s "
     "WHERE s.app = $2 AND s.group_id = $8 AND s.account = $3))",
     "nttnnbbtn"},
    {"put_group_index",
     "INSERT INTO message_index (app, owner, send_time, message_id, sender, group_id) "
     "SELECT m.app, m.account, $3 + {shift}, $4, $5, m.group_id "
     "FROM group_member m "
     "WHERE m.app = $1 AND m.group_id = $2 AND m.account <> $5 "
     "AND ($6 = 0 OR EXISTS (SELECT 1 FROM chat_group g "
     "WHERE g.app = $1 AND g.id = $2 AND g.owner = $5) OR EXISTS (SELECT 1 FROM group_member s "
     "WHERE s.app = $1 AND s.group_id = $2 AND s.account = $5))",
     "ttnntn"},
    {"group_owner", "SELECT owner FROM chat_group WHERE app = $1 AND id = $2", "tt"},
    {"member_names", "SELECT account FROM group_member WHERE app = $1 AND group_id = $2", "tt"},
    {"ack",
     "INSERT INTO message_ack (app, account, message_id, send_time) VALUES ($1, $2, $3, "
     "COALESCE((SELECT c.send_time FROM message_content c WHERE c.id = $3 AND c.app = $1), 0)) "
     "ON CONFLICT (app, account) DO UPDATE SET message_id = excluded.message_id, "
     "send_time = excluded.send_time WHERE message_ack.message_id <> excluded.message_id",
     "ttn"},
    // The unary plus keeps SQLite from looking only at this one of two lower bounds.
    {"index_all",
     "SELECT message_id, send_time, sender, group_id FROM message_index "
     "WHERE app = $1 AND owner = $2 AND send_time > $3 "
     "ORDER BY send_time, message_id LIMIT $4",
     "ttnn"},
    {"index_after",
     "SELECT message_id, send_time, sender, group_id FROM message_index "
     "WHERE app = $1 AND owner = $2 AND (send_time, message_id) > "
     "(COALESCE((SELECT c.send_time FROM message_content c WHERE c.id = $3 AND c.app = $1), $4), "
     "$3) AND +send_time > $5 ORDER BY send_time, message_id LIMIT $6",
     "ttnnnn"},
    {"index_after_ack",
     "SELECT message_id, send_time, sender, group_id FROM message_index "
     "WHERE app = $1 AND owner = $2 AND (send_time, message_id) > "
     "(COALESCE((SELECT CASE WHEN a.send_time > 0 THEN a.send_time WHEN a.message_id > 0 THEN $3 "
     "ELSE 0 END FROM message_ack a WHERE a.app = $1 AND a.account = $2), 0), "
     "COALESCE((SELECT a.message_id FROM message_ack a WHERE a.app = $1 AND a.account = $2), 0)) "
     "AND +send_time > $4 ORDER BY send_time, message_id LIMIT $5",
     "ttnnn"},
    {"read_message",
     "SELECT c.type, CASE WHEN length(c.body) + length(c.extra) > $4 THEN '' ELSE c.body END, "
     "CASE WHEN length(c.body) + length(c.extra) > $4 THEN '' ELSE c.extra END, "
     "CASE WHEN length(c.body) + length(c.extra) > $4 THEN length(c.body) + length(c.extra) "
     "ELSE 0 END FROM message_content c WHERE c.id = $1 AND c.app = $2 "
     "AND (c.sender = $3 OR EXISTS (SELECT 1 FROM message_index i WHERE i.app = $2 "
     "AND i.owner = $3 AND i.send_time = c.send_time AND i.message_id = $1))",
     "nttn"},
    {"put_group",
     "INSERT INTO chat_group (app, id, name, avatar, introduction, owner, created_at) "
     "VALUES ($1, $2, $3, $4, $5, $6, $7)",
     "ttbbbtn"},
    {"put_member",
     "INSERT INTO group_member (app, group_id, account, joined_at) VALUES ($1, $2, $3, $4)",
     "tttn"},
    {"join",
     "INSERT INTO group_member (app, group_id, account, joined_at) "
     "SELECT g.app, g.id, $3, $4 FROM chat_group g WHERE g.app = $1 AND g.id = $2 "
     "AND ($5 = $3 OR $5 = g.owner) AND "
     "(SELECT count(*) FROM group_member m WHERE m.app = $1 AND m.group_id = $2) < $6 "
     "ON CONFLICT (app, group_id, account) DO NOTHING",
     "tttntn"},
    {"quit",
     "DELETE FROM group_member WHERE app = $1 AND group_id = $2 AND account = $3 "
     "AND ($4 = $3 OR EXISTS (SELECT 1 FROM chat_group g WHERE g.app = $1 AND g.id = $2 "
     "AND g.owner = $4))",
     "tttt"},
    {"read_group",
     "SELECT name, avatar, introduction, owner, created_at FROM chat_group "
     "WHERE app = $1 AND id = $2",
     "tt"},
    {"members",
     "SELECT account, joined_at FROM group_member WHERE app = $1 AND group_id = $2 "
     "ORDER BY joined_at, account",
     "tt"},
    {"delete_message", "DELETE FROM message_content WHERE id = $1", "n"},
    {"delete_index",
     "DELETE FROM message_index WHERE app = $1 AND owner = $2 AND message_id = $3 "
     "AND send_time = (SELECT c.send_time FROM message_content c WHERE c.id = $3)",
     "ttn"},
    {"delete_group_index",
     "DELETE FROM message_index WHERE app = $1 AND message_id = $3 "
     "AND send_time = (SELECT c.send_time FROM message_content c WHERE c.id = $3) "
     "AND owner IN (SELECT m.account FROM group_member m WHERE m.app = $1 AND m.group_id = $2)",
     "ttn"},
    {"delete_group", "DELETE FROM chat_group WHERE app = $1 AND id = $2", "tt"},
    {"delete_members", "DELETE FROM group_member WHERE app = $1 AND group_id = $2", "tt"},
    {"delete_member", "DELETE FROM group_member WHERE app = $1 AND group_id = $2 AND account = $3",
     "ttt"},
    {"delete_old_messages",
     "DELETE FROM message_content WHERE id IN "
     "(SELECT c.id FROM message_content c WHERE c.id < $1 ORDER BY c.id LIMIT $2)",
     "nn"},
    {"delete_old_index",
     "DELETE FROM message_index WHERE app = $1 AND owner = $2 AND send_time < $3 AND send_time <= "
     "COALESCE((SELECT i.send_time FROM message_index i WHERE i.app = $1 AND i.owner = $2 "
     "AND i.send_time < $3 ORDER BY i.send_time LIMIT 1 OFFSET $4), $3)",
     "ttnn"},
    {"next_owner",
     "SELECT app, owner FROM message_index WHERE (app, owner) > ($1, $2) "
     "ORDER BY app, owner LIMIT 1",
     "tt"},
    {"probe", "UPDATE ringgate_schema SET probed_at = $1", "n"},
    // Sessions of chats like this one that have changed something in a transaction for so many ms,
    // and wait for their chat to go on with it, or to read.
    {"end_stuck",
     "SELECT count(*) FROM (SELECT pg_terminate_backend(a.pid) AS ended FROM pg_stat_activity a "
     "WHERE a.datname = current_database() AND a.usename = current_user "
     "AND a.application_name = current_setting('application_name') "
     "AND a.pid <> pg_backend_pid() AND a.backend_xid IS NOT NULL "
     "AND a.wait_event_type = 'Client' "
     "AND a.xact_start < clock_timestamp() - $1 * interval '1 millisecond') e WHERE e.ended",
     "n"},
}};

}  // namespace

const StatementText& text_of(Statement statement) noexcept {
  return kTexts[static_cast<std::size_t>(statement)];
}

}  // namespace ringgate::sql
