-- Who accepted an activation, and who has begun with it; until now there was one of each.
ALTER TABLE journal ADD COLUMN owner text NOT NULL DEFAULT 'controller0', ADD COLUMN taker text NOT NULL DEFAULT '';
UPDATE journal SET taker = 'invoker0' WHERE taken;
ALTER TABLE journal DROP COLUMN taken;
