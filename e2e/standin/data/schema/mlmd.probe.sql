-- Our own: asks for INSERT, SELECT, UPDATE and DELETE inside a transaction that is rolled back.
INSERT INTO `Context` (`type_id`,`name`) VALUES (-1,'kfp-standin probe {uuid}');
SELECT `id` FROM `Context` WHERE `type_id` = -1 AND `name` = 'kfp-standin probe {uuid}';
UPDATE `Context` SET `external_id` = '{uuid}' WHERE `type_id` = -1 AND `name` = 'kfp-standin probe {uuid}';
DELETE FROM `Context` WHERE `type_id` = -1 AND `name` = 'kfp-standin probe {uuid}';
