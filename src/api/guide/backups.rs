//! WORDS: what the reasons of backups and restores mean and what to do next. No I/O.

use super::{Guide, person, quiet, waiting};

pub(super) const BACKUP_RECENT: Guide =
    quiet("The newest verified backup is younger than `spec.backup.freshForHours`.");

pub(super) const BACKUP_OLD: Guide = person(
    "The newest verified backup is older than `spec.backup.freshForHours`: what was done since would be lost with the data.",
    "Look at the newest backups (`kfpctl backup list`, or `kubectl get kfpb`) and at what their conditions say; make one now \
     with `kfpctl backup create --wait`.",
);

pub(super) const BACKUP_NONE: Guide = person(
    "There is no backup of this installation that was verified.",
    "Make one with `kfpctl backup create --wait`, or wait for the first one of the schedule.",
);

pub(super) const SET_COMPLETE: Guide =
    quiet("Every part of the set and, last of all, its manifest lie in the destination.");

pub(super) const WAITING_FOR_TURN: Guide = waiting(
    "Another backup, verification, restore or removal of the same installation is at work; they go one after the other.",
    "Wait. The message names what goes first.",
);

pub(super) const INSTALLATION_MISSING: Guide = person(
    "`spec.installation` names no KfpInstallation of this namespace.",
    "Make the installation, or delete this resource and make one that names the right installation: the name is fixed.",
);

pub(super) const INSTALLATION_NOT_READY: Guide = waiting(
    "The installation's database does not answer, or another release than `spec.version` runs: what would be read now is \
     no state to come back to. Nothing was begun.",
    "Wait, or look at the installation's own conditions.",
);

pub(super) const DESTINATION_MISSING: Guide = person(
    "Neither this resource nor `spec.backup.destination` of the installation says where the set goes.",
    "Set `spec.backup.destination` of the installation, or make a KfpBackup with `spec.destination`.",
);

pub(super) const CREDENTIALS_REFUSED: Guide = person(
    "A Secret of the operator's namespace that this resource names is not there, lacks a key, or is not open to this \
     namespace. Nothing was begun.",
    "Ask whoever runs the operator: the Secret needs the label `kfpops.dev/backup-credentials` with value `true`, this \
     namespace in its annotation `kfpops.dev/namespaces`, and the keys that the message names.",
);

pub(super) const NAMESPACE_TERMINATING: Guide =
    quiet("The namespace is being deleted, so nothing is begun in it.");

pub(super) const TIME_LIMIT_EXCEEDED: Guide = person(
    "The work took longer than `spec.timeLimitSeconds` and was ended. What it had written is removed.",
    "Find out what was slow (`status.progress` of the next one shows the rate), or give the next one more time.",
);

pub(super) const BACKUP_FAILED: Guide = person(
    "The backup ended without a complete set; the message says at what. What it had written is removed.",
    "Mend what the message names, and make another KfpBackup. The schedule makes its next one by itself.",
);

pub(super) const VERIFICATION_PENDING: Guide = waiting(
    "The set is complete, and was not checked yet.",
    "Wait. `status.progress` shows how far it is.",
);

pub(super) const CHECKSUMS_EQUAL: Guide = quiet(
    "Every part of the set was read back and has the digest that the manifest names. It was not restored.",
);

pub(super) const RESTORED_EQUAL: Guide = quiet(
    "The set was restored into a scratch database: every table came out with the rows and checksums of the manifest, and \
     the schema is equal.",
);

pub(super) const SET_DAMAGED: Guide = person(
    "The set was checked and is not what its manifest says, or does not restore to it; the message names the part.",
    "Do not rely on this set. Make another backup now, and find out who can write to the destination.",
);

pub(super) const VERIFICATION_FAILED: Guide = person(
    "The check of the set ended before it could tell anything; the message says at what. The set itself may be whole.",
    "Mend what the message names. The next drill checks the newest set again; `kfpctl backup verify` does so at once.",
);

pub(super) const REMOVAL_FAILED: Guide = waiting(
    "The set could not be removed from its destination, so this resource stays; the message has the error.",
    "Give `deletionCredentials` the right to delete. To let this resource go and leave the set, set `deletionPolicy` to \
     `Retain`.",
);

pub(super) const RESTORING: Guide = waiting(
    "A backup is put back. The API server, and everything else that writes to the databases or starts runs, stands still \
     meanwhile; the database and the object store run.",
    "Wait. `kubectl get kfpr` and `status.progress` of the KfpRestore show how far it is. It survives a restart of the operator.",
);

pub(super) const RESTORED: Guide =
    quiet("Everything was put back: every table came out with the rows and checksums of the set's manifest.");

pub(super) const NOT_EMPTY: Guide = person(
    "The databases hold tables, and the KfpRestore does not say that they may be replaced. Nothing was touched.",
    "Make another KfpRestore with `overwrite: true`, if what is there may go. It is backed up first.",
);

pub(super) const SET_NOT_FOUND: Guide = person(
    "The destination holds no complete set that the source asks for. Nothing was touched.",
    "Look at the message: it names the place that was looked at. A set without a manifest is not complete. Make another \
     KfpRestore that names a set which is there; a set of another installation needs `namespace` and `installation`.",
);

pub(super) const RELEASE_DIFFERS: Guide = person(
    "The set holds the schema of another KFP release than the installation runs: its API server could not be started on it. \
     Nothing was touched.",
    "Restore into an installation whose `spec.version` is the release of the set, or into a new one that begins with it \
     (`spec.bootstrap`).",
);

pub(super) const SAFETY_BACKUP_FAILED: Guide = person(
    "What was to be replaced could not be backed up, or that backup was not found whole, so nothing was replaced. What was stopped is started again.",
    "Look at the KfpBackup that the message names. Mend what it says and make another KfpRestore; or make one with \
     `safetyBackup: Skip`, if what is there need not be kept.",
);

pub(super) const RESTORE_FAILED: Guide = person(
    "The restore ended before it replaced anything; the message says at what.",
    "Mend what the message names, and make another KfpRestore. One that was made because of `spec.bootstrap` is deleted \
     instead: the operator makes it again.",
);

pub(super) const RESTORE_INCOMPLETE: Guide = person(
    "The restore ended while it replaced things: the databases are not whole, so what writes to them stays stopped.",
    "Mend what the message names, and make another KfpRestore of the same installation with `overwrite: true`: of the same \
     set, or of the KfpBackup in `status.safetyBackup`, which holds what was there before. When it is complete, everything \
     is started again.",
);
