"""What the server has stored, read beside it from its database: for comparing, and for counting exactly."""
import contextlib
import os
import sqlite3

from harness import wait_until


class Store:
    """Read-only; each question sees the newest commit."""

    def __init__(self, server):
        self.path = os.path.join(server.data, "posthorn.db")
        self.journal_path = os.path.join(server.data, "posthorn.journal.db")

    def rows(self, sql, *values, path=None):
        with contextlib.closing(sqlite3.connect(f"file:{path or self.path}?mode=ro", uri=True, timeout=10)) as db:
            db.text_factory = lambda raw: raw.decode("utf-8", "replace")
            return db.execute(sql, values).fetchall()

    def one(self, sql, *values, path=None):
        found = self.rows(sql, *values, path=path)
        return found[0][0] if found else None

    def bodies(self):
        """Webhook bodies in the journal, and up to which of them all were applied."""
        last = self.one("SELECT COALESCE(MAX(id), 0) FROM journal", path=self.journal_path)
        applied = self.one("SELECT value FROM settings WHERE name = 'intake.applied_journal'")
        return last, int(applied or 0)

    def wait_applied(self, seconds=30):
        def done():
            last, applied = self.bodies()
            return last == applied
        wait_until(done, seconds, "every stored webhook to be applied")

    def parked(self):
        return self.rows("SELECT id, reason, body FROM parked_events ORDER BY id")


# Everything that arrivals leave behind, by the names that the channel gave; nothing that depends on the order of commits.
VIEWS = {
    "people": """SELECT p.portfolio, p.name, p.username, p.given_name, p.identity_hash, p.merged_into <> 0,
        (SELECT group_concat(x, ' ') FROM (SELECT kind || ':' || scope || ':' || value AS x FROM person_addresses a
         WHERE a.person_id = p.id ORDER BY x)) FROM people p ORDER BY 7, 1, 2, 3""",
    "conversations": """SELECT c.account_id, c.group_id, c.subject, c.last_inbound_at, c.last_action_at, c.free_until, c.unread,
        c.delivered_until, c.read_until, c.archived,
        (SELECT group_concat(x, ' ') FROM (SELECT kind || ':' || value AS x FROM person_addresses a
         WHERE a.person_id = c.person_id ORDER BY x)) FROM conversations c ORDER BY 1, 11, 2, 3""",
    "messages": """SELECT m.channel_id, m.direction, m.at, m.type, m.text, m.payload, m.content, m.reply_to, m.flags, m.error_code,
        m.error, m.delivery, m.delivered_at, m.read_at, m.edited_at, m.edit_number, m.deleted_at,
        (SELECT c.group_id || '/' || COALESCE((SELECT MIN(kind || ':' || value) FROM person_addresses a WHERE a.person_id = c.person_id), '')
         FROM conversations c WHERE c.id = m.conversation_id) FROM messages m ORDER BY m.channel_id, m.at, m.type, m.text""",
    "reactions": """SELECT m.channel_id, r.actor <> 0, r.emoji, r.at FROM reactions r JOIN messages m ON m.id = r.message_id
        ORDER BY 1, 2""",
    "attachments": """SELECT m.channel_id, a.position, a.kind, a.media_id, a.told_type, a.file_name, a.state
        FROM attachments a JOIN messages m ON m.id = a.message_id ORDER BY 1, 2""",
    "calls": "SELECT channel_id, from_business, state, seconds, started_at, ended_at FROM calls ORDER BY 1",
    "suppressions": "SELECT phone, business_id, source FROM suppressions ORDER BY 1, 2",
}


def dump(store):
    return {name: store.rows(sql) for name, sql in VIEWS.items()}


def differences(before, after):
    """Lines that tell what differs, at most a few of each kind."""
    out = []
    for name, rows in before.items():
        gone = [r for r in rows if r not in set(after[name])]
        new = [r for r in after[name] if r not in set(rows)]
        if len(rows) != len(after[name]):
            out.append(f"{name}: {len(rows)} became {len(after[name])}")
        out += [f"- {name} {r}" for r in gone[:6]] + [f"+ {name} {r}" for r in new[:6]]
    return out
