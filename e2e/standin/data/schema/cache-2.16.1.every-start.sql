-- What backend/src/cache/client_manager.go of 2.16.1 and 2.17.0 asks for at every start; that server was not run.
ALTER TABLE `execution_caches` MODIFY COLUMN `ExecutionOutput` longtext NOT NULL;
ALTER TABLE `execution_caches` MODIFY COLUMN `ExecutionTemplate` longtext NOT NULL;
