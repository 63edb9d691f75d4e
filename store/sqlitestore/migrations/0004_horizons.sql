-- Records of activations that started before are gone, though their room may not be given back yet. The
-- empty namespace is for all.
CREATE TABLE horizons (
	namespace TEXT PRIMARY KEY,
	before    INTEGER NOT NULL      -- epoch milliseconds
) WITHOUT ROWID;
