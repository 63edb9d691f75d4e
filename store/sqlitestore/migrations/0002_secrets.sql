-- The secrets of keys are in the documents of their subjects, where they can be encrypted.
UPDATE subject_keys SET secret = '' WHERE secret <> '';
