-- Databases from before there were migrations have some of this. Times are epoch milliseconds.
CREATE TABLE IF NOT EXISTS entities (
	id         TEXT PRIMARY KEY,    -- ns/[pkg/]name
	collection TEXT NOT NULL,
	namespace  TEXT NOT NULL,
	path       TEXT NOT NULL,       -- ns or ns/pkg
	revision   INTEGER NOT NULL,
	shared     INTEGER NOT NULL,    -- published and no binding
	updated    INTEGER NOT NULL,
	written    INTEGER NOT NULL,    -- nanoseconds; orders what was updated in one millisecond
	document   BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS entities_listed ON entities (collection, namespace, updated DESC);
CREATE INDEX IF NOT EXISTS entities_packaged ON entities (collection, path, updated DESC) WHERE path <> namespace;

CREATE TABLE IF NOT EXISTS subjects (
	subject  TEXT PRIMARY KEY,
	document BLOB NOT NULL
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS subject_keys (
	uuid      TEXT PRIMARY KEY,
	subject   TEXT NOT NULL,
	namespace TEXT NOT NULL,
	secret    TEXT NOT NULL,        -- empty: it is in the document
	blocked   INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS subject_keys_namespace ON subject_keys (namespace);

CREATE TABLE IF NOT EXISTS namespace_limits (
	namespace TEXT PRIMARY KEY,
	document  BLOB NOT NULL
) WITHOUT ROWID;

-- Ids grow with time, so new records are appended to the table and to its indices.
-- Logs and results are the last columns: lists read what is in front of them.
CREATE TABLE IF NOT EXISTS activations (
	id        TEXT NOT NULL UNIQUE,
	namespace TEXT NOT NULL,
	name      TEXT NOT NULL,        -- name or pkg/name, as lists filter
	start     INTEGER NOT NULL,
	document  BLOB NOT NULL,        -- without logs and result
	result    BLOB,
	logs      BLOB
);
CREATE INDEX IF NOT EXISTS activations_started ON activations (namespace, start);
CREATE INDEX IF NOT EXISTS activations_named ON activations (namespace, name, start);

CREATE TABLE IF NOT EXISTS journal (
	sequence INTEGER PRIMARY KEY,
	id       TEXT NOT NULL UNIQUE,
	taken    INTEGER NOT NULL DEFAULT 0,
	message  BLOB NOT NULL
);
