-- Times are epoch milliseconds. Documents are JSON as bytes, as their writers made them.
-- Names and ids are ordered by their bytes, whatever the database's own order is.

-- Revisions are unique among all entities: an entity that is made anew has another one than any before it.
CREATE SEQUENCE revisions;

CREATE TABLE entities (
	id         text COLLATE "C" PRIMARY KEY, -- ns/[pkg/]name
	collection text NOT NULL,
	namespace  text NOT NULL,
	path       text NOT NULL,       -- ns or ns/pkg
	revision   bigint NOT NULL,     -- grows with each write, so it also orders what was updated in one millisecond
	shared     boolean NOT NULL,    -- published and no binding
	updated    bigint NOT NULL,
	document   bytea NOT NULL
);
CREATE INDEX entities_listed ON entities (collection, namespace, updated DESC, revision DESC);
CREATE INDEX entities_packaged ON entities (collection, path, updated DESC, revision DESC) WHERE path <> namespace;

CREATE TABLE subjects (
	subject  text COLLATE "C" PRIMARY KEY,
	document bytea NOT NULL
);

CREATE TABLE subject_keys (
	uuid      text PRIMARY KEY,
	subject   text COLLATE "C" NOT NULL,
	namespace text NOT NULL,
	secret    text NOT NULL,
	blocked   boolean NOT NULL
);
CREATE INDEX subject_keys_namespace ON subject_keys (namespace, subject);
CREATE INDEX subject_keys_subject ON subject_keys (subject);

CREATE TABLE namespace_limits (
	namespace text COLLATE "C" PRIMARY KEY,
	document  bytea NOT NULL
);

-- One partition a day, by the time in the id, or by the start where an id has none: so an id
-- is unique, a record is found in one partition, and a day is removed at once.
CREATE TABLE activations (
	id        text COLLATE "C" NOT NULL,
	day       date NOT NULL,
	namespace text NOT NULL,
	name      text NOT NULL,        -- name or pkg/name, as lists filter
	start     bigint NOT NULL,
	document  bytea NOT NULL,       -- without logs and result
	result    bytea,
	logs      bytea,
	PRIMARY KEY (id, day)
) PARTITION BY RANGE (day);
CREATE INDEX activations_started ON activations (namespace, start DESC, id DESC);
CREATE INDEX activations_named ON activations (namespace, name, start DESC, id DESC);

CREATE TABLE journal (
	sequence bigint GENERATED ALWAYS AS IDENTITY,
	id       text PRIMARY KEY,
	taken    boolean NOT NULL,
	taken_by text,                  -- the call that took it, so that it can be repeated
	message  bytea NOT NULL
);
CREATE INDEX journal_sequence ON journal (sequence);

-- For people: the documents as JSON.
CREATE VIEW readable_entities AS
	SELECT id, collection, revision, to_timestamp(updated / 1000.0) AS updated, convert_from(document, 'UTF8') AS document FROM entities;
CREATE VIEW readable_activations AS
	SELECT id, namespace, name, to_timestamp(start / 1000.0) AS start, convert_from(document, 'UTF8') AS document,
		convert_from(result, 'UTF8') AS result, convert_from(logs, 'UTF8') AS logs FROM activations;
