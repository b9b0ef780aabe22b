-- Rows that the API server writes into a database it has just made, as 2.5.0 and 2.16.1 did (general log).
-- {uuid} is a new UUID, {now} the seconds since 1970. The display text is upstream's own.
INSERT INTO default_experiments (DefaultExperimentId) VALUES ('');
INSERT INTO db_statuses (HaveSamplesLoaded) VALUES (0);
INSERT INTO experiments (CreatedAtInSec,Description,LastRunCreatedAtInSec,Name,Namespace,StorageState,UUID) VALUES ({now},'All runs created without specifying an experiment will be grouped here.',0,'Default','','AVAILABLE','{uuid}');
UPDATE default_experiments SET DefaultExperimentId = '{uuid}' WHERE DefaultExperimentId = '';
