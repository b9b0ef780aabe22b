-- Our own: asks for INSERT, SELECT, UPDATE and DELETE inside a transaction that is rolled back.
INSERT INTO `execution_caches` (`ExecutionCacheKey`,`ExecutionTemplate`,`ExecutionOutput`,`MaxCacheStaleness`,`StartedAtInSec`,`EndedAtInSec`) VALUES ('kfp-standin probe {uuid}','','',0,{now},{now});
SELECT `ID` FROM `execution_caches` WHERE `ExecutionCacheKey` = 'kfp-standin probe {uuid}';
UPDATE `execution_caches` SET `MaxCacheStaleness` = 1 WHERE `ExecutionCacheKey` = 'kfp-standin probe {uuid}';
DELETE FROM `execution_caches` WHERE `ExecutionCacheKey` = 'kfp-standin probe {uuid}';
