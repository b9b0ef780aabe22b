//! PROOF (real databases): changes made to a release's schema on a server, and the verdict that is due. Data.

use kfp_database::State;

/// One changed schema.
pub struct Change {
    /// What it shows, as a sentence.
    pub name: &'static str,
    /// Release whose schema is changed.
    pub release: &'static str,
    /// The changes, in SQL.
    pub statements: &'static [&'static str],
    /// The state that is due.
    pub state: State,
    /// How one of the differences begins.
    pub difference: &'static str,
}

/// All of them.
pub const CHANGES: [Change; 16] = [
    Change {
        name: "a column that older servers made stricter is tolerated",
        release: "2.14.4",
        statements: &["ALTER TABLE run_details MODIFY WorkflowSpecManifest longtext NOT NULL"],
        state: State::Tolerated,
        difference: "run_details.WorkflowSpecManifest: found longtext not null, 2.14.0 has longtext null",
    },
    Change {
        name: "the index that a rolled-back server adds is tolerated",
        release: "2.16.1",
        statements: &["CREATE UNIQUE INDEX name_namespace_index ON pipelines (Name, Namespace)"],
        state: State::Tolerated,
        difference: "index pipelines.name_namespace_index: found unique (Name, Namespace), not in 2.15.0",
    },
    Change {
        name: "a default put on the display name is tolerated",
        release: "2.14.4",
        statements: &["ALTER TABLE pipelines MODIFY DisplayName varchar(255) NOT NULL DEFAULT ''"],
        state: State::Tolerated,
        difference: "pipelines.DisplayName: found varchar(255) not null default '', 2.14.0 has varchar(255) not null",
    },
    Change {
        name: "columns left long by an interrupted upgrade are half migrated",
        release: "2.16.1",
        statements: &[
            "ALTER TABLE run_metrics DROP FOREIGN KEY run_metrics_RunUUID_run_details_UUID_foreign",
            "ALTER TABLE tasks MODIFY UUID varchar(255) NOT NULL",
            "ALTER TABLE run_metrics MODIFY RunUUID varchar(255) NOT NULL, MODIFY NodeID varchar(255) NOT NULL, \
             MODIFY Name varchar(255) NOT NULL",
            "ALTER TABLE run_metrics ADD CONSTRAINT run_metrics_RunUUID_run_details_UUID_foreign FOREIGN KEY (RunUUID) \
             REFERENCES run_details (UUID) ON DELETE CASCADE ON UPDATE CASCADE",
        ],
        state: State::HalfMigrated,
        difference: "run_metrics.NodeID: found varchar(255), 2.15.0 has varchar(191)",
    },
    Change {
        name: "a foreign key that is not back yet is half migrated",
        release: "2.16.1",
        statements: &["ALTER TABLE tasks DROP FOREIGN KEY tasks_RunUUID_run_details_UUID_foreign"],
        state: State::HalfMigrated,
        difference: "foreign key tasks.tasks_RunUUID_run_details_UUID_foreign: missing, 2.15.0 has (RunUUID) references \
                     run_details(UUID) on delete cascade",
    },
    Change {
        name: "an install that stopped before its last table is half migrated",
        release: "2.16.1",
        statements: &["DROP TABLE tasks"],
        state: State::HalfMigrated,
        difference: "table tasks: missing",
    },
    Change {
        name: "a display name that is being filled is half migrated",
        release: "2.5.0",
        statements: &["ALTER TABLE pipelines ADD COLUMN DisplayName varchar(255) NULL"],
        state: State::HalfMigrated,
        difference: "pipelines.DisplayName: found varchar(255) null, not in 2.5.0",
    },
    Change {
        name: "a foreign key with other rules is foreign",
        release: "2.16.1",
        statements: &[
            "ALTER TABLE tasks DROP FOREIGN KEY tasks_RunUUID_run_details_UUID_foreign",
            "ALTER TABLE tasks ADD CONSTRAINT tasks_RunUUID_run_details_UUID_foreign FOREIGN KEY (RunUUID) \
             REFERENCES run_details (UUID)",
        ],
        state: State::Foreign,
        difference: "foreign key tasks.tasks_RunUUID_run_details_UUID_foreign: found (RunUUID) references \
                     run_details(UUID) on delete no action on update no action, 2.15.0 has ",
    },
    Change {
        name: "a column of somebody else is foreign",
        release: "2.17.0",
        statements: &["ALTER TABLE jobs ADD Colour int unsigned DEFAULT 7"],
        state: State::Foreign,
        difference: "jobs.Colour: found int unsigned null default '7', not in 2.17.0",
    },
    Change {
        name: "defaults that are computed are spelt alike",
        release: "2.17.0",
        statements: &[
            "ALTER TABLE jobs ADD At timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP",
        ],
        state: State::Foreign,
        difference: "jobs.At: found timestamp not null default (current_timestamp) on update current_timestamp, not in",
    },
    Change {
        name: "defaults with quotes are spelt alike",
        release: "2.17.0",
        statements: &["ALTER TABLE jobs ADD Words varchar(20) DEFAULT 'it''s \\\\ it'"],
        state: State::Foreign,
        difference: "jobs.Words: found varchar(20) null default 'it's \\ it', not in 2.17.0",
    },
    Change {
        name: "counters are named",
        release: "2.17.0",
        statements: &["ALTER TABLE jobs ADD Nr bigint AUTO_INCREMENT UNIQUE"],
        state: State::Foreign,
        difference: "jobs.Nr: found bigint not null auto_increment, not in 2.17.0",
    },
    Change {
        name: "prefixes of indexes are named",
        release: "2.17.0",
        statements: &["CREATE INDEX words ON jobs (PipelineSpecManifest(20), Name DESC)"],
        state: State::Foreign,
        difference: "index jobs.words: found (PipelineSpecManifest(20), Name",
    },
    Change {
        name: "a table with a hostile name is foreign",
        release: "2.17.0",
        statements: &["CREATE TABLE `a``b\n'\"; --` (`c d` enum('x','y,z') PRIMARY KEY)"],
        state: State::Foreign,
        difference: "table a`b\u{fffd}'\"; --: not in 2.17.0",
    },
    Change {
        name: "a view is foreign",
        release: "2.17.0",
        statements: &["CREATE VIEW runs AS SELECT UUID FROM run_details"],
        state: State::Foreign,
        difference: "table runs: not in 2.17.0",
    },
    Change {
        name: "a view of a table that is gone is foreign",
        release: "2.17.0",
        statements: &[
            "CREATE TABLE gone (a int)",
            "CREATE VIEW runs AS SELECT a FROM gone",
            "DROP TABLE gone",
        ],
        state: State::Foreign,
        difference: "table runs: not in 2.17.0",
    },
];
