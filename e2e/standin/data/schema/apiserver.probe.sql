-- Our own: asks for INSERT, SELECT, UPDATE and DELETE inside a transaction that is rolled back.
INSERT INTO `experiments` (`UUID`,`Name`,`Description`,`CreatedAtInSec`,`LastRunCreatedAtInSec`,`Namespace`,`StorageState`) VALUES ('{uuid}','kfp-standin probe {uuid}','',{now},0,'','ARCHIVED');
SELECT `Name` FROM `experiments` WHERE `UUID` = '{uuid}';
UPDATE `experiments` SET `Description` = 'probe' WHERE `UUID` = '{uuid}';
DELETE FROM `experiments` WHERE `UUID` = '{uuid}';
