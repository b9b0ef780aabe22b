-- What backend/src/cache/client_manager.go of 2.5.0 asks for at every start; that server was not run.
ALTER TABLE `execution_caches` MODIFY COLUMN `ExecutionOutput` longtext;
ALTER TABLE `execution_caches` MODIFY COLUMN `ExecutionTemplate` longtext not null;
