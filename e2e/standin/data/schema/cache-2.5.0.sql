-- Table of the cache server 2.5.0, made out of its model (backend/src/cache/model, gorm 1); that server was not run.
CREATE TABLE `execution_caches` (`ID` bigint NOT NULL AUTO_INCREMENT,`ExecutionCacheKey` varchar(255) NOT NULL,`ExecutionTemplate` longtext NOT NULL,`ExecutionOutput` longtext,`MaxCacheStaleness` bigint NOT NULL,`StartedAtInSec` bigint NOT NULL,`EndedAtInSec` bigint NOT NULL,PRIMARY KEY (`ID`));
CREATE INDEX idx_cache_key ON `execution_caches`(`ExecutionCacheKey`);
