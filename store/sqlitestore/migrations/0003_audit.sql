-- Who changed what. The ids have the time in them, so they are its order.
CREATE TABLE IF NOT EXISTS audit (
	id        TEXT PRIMARY KEY,
	namespace TEXT NOT NULL,
	document  BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS audit_namespace ON audit (namespace, id);
