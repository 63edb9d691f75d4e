-- Who changed what. The ids have the time in them, so they are its order.
CREATE TABLE audit (
	id        text COLLATE "C" PRIMARY KEY,
	namespace text NOT NULL,
	document  bytea NOT NULL
);
CREATE INDEX audit_namespace ON audit (namespace, id DESC);
