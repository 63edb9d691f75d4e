-- Secrets are in the documents alone, where they can be encrypted. Further keys of a namespace have
-- rows without a namespace.
ALTER TABLE subject_keys DROP COLUMN secret;
