-- Who accepted an activation, and who has begun with it; until now there was one of each.
ALTER TABLE journal ADD COLUMN owner TEXT NOT NULL DEFAULT 'controller0';
ALTER TABLE journal ADD COLUMN taker TEXT NOT NULL DEFAULT '';
UPDATE journal SET taker = 'invoker0' WHERE taken <> 0;
ALTER TABLE journal DROP COLUMN taken;
