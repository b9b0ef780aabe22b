-- What 2.17.0 runs when it is started on the pipeline database of 2.16.1, in order,
-- read from the general log (MariaDB 10.11; MySQL 9.7 ran the same).
CREATE TABLE `pipeline_tags` (`PipelineId` varchar(64) NOT NULL,`TagKey` varchar(63) NOT NULL,`TagValue` varchar(63) NOT NULL,PRIMARY KEY (`PipelineId`,`TagKey`),INDEX `idx_pipeline_tags_key_value_id` (`TagKey`,`TagValue`,`PipelineId`),CONSTRAINT `pipeline_tags_PipelineId_pipelines_UUID_foreign` FOREIGN KEY (`PipelineId`) REFERENCES `pipelines`(`UUID`) ON DELETE CASCADE ON UPDATE CASCADE);
CREATE TABLE `pipeline_version_tags` (`PipelineVersionId` varchar(191) NOT NULL,`TagKey` varchar(63) NOT NULL,`TagValue` varchar(63) NOT NULL,PRIMARY KEY (`PipelineVersionId`,`TagKey`),INDEX `idx_pv_tags_key_value_id` (`TagKey`,`TagValue`,`PipelineVersionId`),CONSTRAINT `pv_tags_PipelineVersionId_pv_UUID_fk` FOREIGN KEY (`PipelineVersionId`) REFERENCES `pipeline_versions`(`UUID`) ON DELETE CASCADE ON UPDATE CASCADE);
ALTER TABLE `jobs` ADD `PluginsInput` LONGTEXT DEFAULT null;
ALTER TABLE `run_details` ADD `PluginsInput` LONGTEXT DEFAULT null;
ALTER TABLE `run_details` ADD `PluginsOutput` LONGTEXT DEFAULT null;
