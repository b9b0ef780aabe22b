-- What the real API server 2.5.0 runs at every start on its own schema, seen in the general log.
-- Both DROP INDEX fail (no such index) and it goes on; a denied ALTER is fatal.
DROP INDEX Name ON `experiments`;
DROP INDEX Name ON `pipelines`;
ALTER TABLE `resource_references` MODIFY COLUMN `Payload` longtext not null;
ALTER TABLE `jobs` MODIFY COLUMN `WorkflowSpecManifest` longtext;
ALTER TABLE `pipelines` MODIFY COLUMN `Description` longtext not null;
