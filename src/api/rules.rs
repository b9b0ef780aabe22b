//! WORDS: every CEL rule of our CRDs, each with the place it stands on. The API server runs them. No I/O.
//!
//! A rule says what types, bounds and patterns cannot: how two fields fit together, or how a field may change.
//! What needs facts from outside the object (the catalog, the cluster) is not here: it belongs in a condition.
//!
//! Rules about a change that is made by leaving something out stand on the nearest parent that is always present (its
//! default sees to that), because a rule on an absent field does not run.

use std::borrow::Cow;

/// How the API server classifies a violation; the closed set of `x-kubernetes-validations[].reason`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CelReason {
    /// A value that is never or no longer possible here.
    FieldValueInvalid,
    /// A value that something else in the object rules out.
    FieldValueForbidden,
}

impl CelReason {
    /// The text used in the CRD and in the API server's answer.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FieldValueInvalid => "FieldValueInvalid",
            Self::FieldValueForbidden => "FieldValueForbidden",
        }
    }
}

/// One rule of a CRD.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CelRule {
    /// The field that the rule stands on, from the root of the object; `[]` enters a list. Empty: the object itself.
    pub on: Cow<'static, str>,
    /// The expression; `self` is the field, `oldSelf` the same field before an update.
    pub rule: &'static str,
    /// What is wrong and what to do, for the person who applied the object.
    pub message: &'static str,
    /// Class of the violation.
    pub reason: CelReason,
    /// The field to blame, relative to `on`, when it is not `on` itself.
    pub field_path: Option<&'static str>,
}

/// The rules of KfpInstallation.
#[must_use]
pub fn installation() -> Vec<CelRule> {
    let mut rules = INSTALLATION.to_vec();
    rules.extend(destination("spec.backup.destination"));
    rules.extend(encryption("spec.backup"));
    rules.push(scratch("spec.backup.scratch"));
    rules.extend(source("spec.bootstrap.source"));
    rules
}

/// The rules of KfpBackup.
#[must_use]
pub fn backup() -> Vec<CelRule> {
    let mut rules = BACKUP.to_vec();
    rules.extend(destination("spec.destination"));
    rules.extend(encryption("spec"));
    rules.push(scratch("spec.scratch"));
    rules
}

/// The rules of KfpRestore.
#[must_use]
pub fn restore() -> Vec<CelRule> {
    let mut rules = RESTORE.to_vec();
    rules.extend(source("spec.source"));
    rules
}

const BACKUP: &[CelRule] = &[
    CelRule {
        on: Cow::Borrowed(""),
        rule: NAME_RULE,
        message: NAME_MESSAGE,
        reason: CelReason::FieldValueInvalid,
        field_path: None,
    },
    CelRule {
        on: Cow::Borrowed("spec"),
        rule: "self.installation == oldSelf.installation && self.artifacts == oldSelf.artifacts && self.secrets == oldSelf.secrets \
               && self.verify == oldSelf.verify && self.scratch == oldSelf.scratch && self.timeLimitSeconds == oldSelf.timeLimitSeconds \
               && has(self.destination) == has(oldSelf.destination) \
               && (!has(self.destination) || self.destination == oldSelf.destination) \
               && has(self.encryption) == has(oldSelf.encryption) \
               && (!has(self.encryption) || self.encryption == oldSelf.encryption) \
               && has(self.throttle) == has(oldSelf.throttle) && (!has(self.throttle) || self.throttle == oldSelf.throttle)",
        message: "a backup is taken once: only deletionPolicy may change; make another KfpBackup",
        reason: CelReason::FieldValueInvalid,
        field_path: None,
    },
];

const RESTORE: &[CelRule] = &[
    CelRule {
        on: Cow::Borrowed(""),
        rule: NAME_RULE,
        message: NAME_MESSAGE,
        reason: CelReason::FieldValueInvalid,
        field_path: None,
    },
    CelRule {
        on: Cow::Borrowed("spec"),
        rule: "self == oldSelf",
        message: "a restore is done once: make another KfpRestore",
        reason: CelReason::FieldValueInvalid,
        field_path: None,
    },
];

/// Names of objects and label values are made from the name.
const NAME_RULE: &str =
    "self.metadata.name.size() <= 63 && self.metadata.name.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')";
const NAME_MESSAGE: &str = "metadata.name may have at most 63 characters, lower-case letters, digits and '-' between them, \
                            because label values are made from it";

/// The members of a destination fit its type.
fn destination(on: &str) -> [CelRule; 3] {
    let rule = |rule, message, field_path| CelRule {
        on: Cow::Owned(on.to_owned()),
        rule,
        message,
        reason: CelReason::FieldValueInvalid,
        field_path: Some(field_path),
    };
    [
        rule(
            "(self.type == 'S3') == has(self.s3)",
            "s3 is needed for type: S3, and is for nothing else",
            ".s3",
        ),
        rule(
            "(self.type == 'GCS') == has(self.gcs)",
            "gcs is needed for type: GCS, and is for nothing else",
            ".gcs",
        ),
        rule(
            "(self.type == 'Azure') == has(self.azure)",
            "azure is needed for type: Azure, and is for nothing else",
            ".azure",
        ),
    ]
}

/// The members of a scratch server fit its type.
fn scratch(on: &str) -> CelRule {
    CelRule {
        on: Cow::Owned(on.to_owned()),
        rule: "(self.type == 'Server') == has(self.server)",
        message: "server is needed for type: Server, and is for nothing else",
        reason: CelReason::FieldValueInvalid,
        field_path: Some(".server"),
    }
}

/// What is to be encrypted needs somebody to encrypt it to, and what is to be restored somebody who can read it.
fn encryption(on: &str) -> [CelRule; 2] {
    let rule = |rule, message, field_path| CelRule {
        on: Cow::Owned(on.to_owned()),
        rule,
        message,
        reason: CelReason::FieldValueInvalid,
        field_path: Some(field_path),
    };
    [
        rule(
            "self.secrets.type != 'Encrypted' || has(self.encryption)",
            "secrets.type: Encrypted needs encryption.recipients, because secrets are never kept in the clear",
            ".secrets",
        ),
        rule(
            "self.verify != 'Restore' || !has(self.encryption) || self.encryption.scope != 'All' || has(self.encryption.key)",
            "verify: Restore reads what was encrypted: set encryption.key, or verify: Checksums, or encryption.scope: Secrets",
            ".verify",
        ),
    ]
}

/// The members of a restore's source fit its type.
fn source(on: &str) -> Vec<CelRule> {
    let rule = |inside: &str, rule, message, field_path| CelRule {
        on: Cow::Owned(format!("{on}{inside}")),
        rule,
        message,
        reason: CelReason::FieldValueInvalid,
        field_path: Some(field_path),
    };
    let mut rules = vec![
        rule(
            "",
            "(self.type == 'BackupRef') == has(self.backupRef)",
            "backupRef is needed for type: BackupRef, and is for nothing else",
            ".backupRef",
        ),
        rule(
            "",
            "(self.type == 'Destination') == has(self.destination)",
            "destination is needed for type: Destination, and is for nothing else",
            ".destination",
        ),
        rule(
            ".destination.set",
            "(self.type == 'Id') == has(self.id)",
            "id is needed for type: Id, and is for nothing else",
            ".id",
        ),
        rule(
            ".destination.set",
            "(self.type == 'Before') == has(self.before)",
            "before is needed for type: Before, and is for nothing else",
            ".before",
        ),
    ];
    rules.extend(destination(&format!("{on}.destination.location")));
    rules
}

const INSTALLATION: &[CelRule] = &[
    CelRule {
        on: Cow::Borrowed(""),
        rule: "self.metadata.name.size() <= 40 && self.metadata.name.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",
        message: "metadata.name may have at most 40 characters, lower-case letters, digits and '-' between them, \
                  because label values and names of other objects are made from it",
        reason: CelReason::FieldValueInvalid,
        field_path: None,
    },
    CelRule {
        on: Cow::Borrowed(""),
        rule: "!has(oldSelf.status) || !has(oldSelf.status.database) || !has(oldSelf.status.database.engine) \
               || !has(self.spec.database.embedded) || !has(self.spec.database.embedded.engine) \
               || self.spec.database.embedded.engine == oldSelf.status.database.engine \
               || (has(oldSelf.spec.database.embedded) && has(oldSelf.spec.database.embedded.engine) \
               && self.spec.database.embedded.engine == oldSelf.spec.database.embedded.engine)",
        message: "the data was written by the engine in status.database.engine, and no other engine can read it: \
                  set that engine or none",
        reason: CelReason::FieldValueInvalid,
        field_path: Some(".spec.database.embedded.engine"),
    },
    CelRule {
        on: Cow::Borrowed("spec.database.type"),
        rule: "self == oldSelf",
        message: "the kind of database is fixed for the life of the installation",
        reason: CelReason::FieldValueInvalid,
        field_path: None,
    },
    CelRule {
        on: Cow::Borrowed("spec.database"),
        rule: "self.type == 'Embedded' || !has(self.embedded)",
        message: "embedded is only for type: Embedded",
        reason: CelReason::FieldValueForbidden,
        field_path: Some(".embedded"),
    },
    CelRule {
        on: Cow::Borrowed("spec.database.embedded.engine"),
        rule: "self == oldSelf",
        message: "the engine is fixed once it is set: another engine cannot read the data",
        reason: CelReason::FieldValueInvalid,
        field_path: None,
    },
    storage_floor("spec.database.embedded.storage.size"),
    storage_grows("spec.database"),
    storage_class_fixed("spec.database"),
    CelRule {
        on: Cow::Borrowed("spec.objectStore.type"),
        rule: "self == oldSelf",
        message: "the kind of object store is fixed for the life of the installation",
        reason: CelReason::FieldValueInvalid,
        field_path: None,
    },
    CelRule {
        on: Cow::Borrowed("spec.objectStore"),
        rule: "self.type == 'Embedded' || !has(self.embedded)",
        message: "embedded is only for type: Embedded",
        reason: CelReason::FieldValueForbidden,
        field_path: Some(".embedded"),
    },
    storage_floor("spec.objectStore.embedded.storage.size"),
    storage_grows("spec.objectStore"),
    storage_class_fixed("spec.objectStore"),
    CelRule {
        on: Cow::Borrowed("spec.pipelineStore.type"),
        rule: "self == oldSelf",
        message: "where pipelines are kept is fixed for the life of the installation: KFP carries none over",
        reason: CelReason::FieldValueInvalid,
        field_path: None,
    },
    CelRule {
        on: Cow::Borrowed("spec.executionController.type"),
        rule: "self == oldSelf",
        message: "the kind of execution controller is fixed for the life of the installation",
        reason: CelReason::FieldValueInvalid,
        field_path: None,
    },
    CelRule {
        on: Cow::Borrowed("spec.executionController"),
        rule: "self.type == 'Managed' || !has(self.managed)",
        message: "managed is only for type: Managed",
        reason: CelReason::FieldValueForbidden,
        field_path: Some(".managed"),
    },
    CelRule {
        on: Cow::Borrowed("spec.networkPolicy"),
        rule: "self.mode == 'Generated' || self.egress == 'Unrestricted'",
        message: "egress: Restricted needs mode: Generated, because policies are what restricts",
        reason: CelReason::FieldValueForbidden,
        field_path: Some(".egress"),
    },
    CelRule {
        on: Cow::Borrowed("spec.sdkPolicy.exceptions[]"),
        rule: "has(self.pipeline) || has(self.sdkVersion)",
        message: "an exception names a pipeline, an SDK version, or both",
        reason: CelReason::FieldValueInvalid,
        field_path: None,
    },
    CelRule {
        on: Cow::Borrowed("spec.components[].image"),
        rule: "self.matches('(:[A-Za-z0-9_][A-Za-z0-9_.-]*|@sha256:[a-f0-9]{64})$') && !self.endsWith(':latest')",
        message: "an image needs a tag other than latest, or a digest: what runs must not change by itself",
        reason: CelReason::FieldValueInvalid,
        field_path: None,
    },
    CelRule {
        on: Cow::Borrowed("spec.components[].podLabels"),
        rule: "self.all(key, !key.startsWith('kfpops.dev/'))",
        message: "labels under kfpops.dev/ are the operator's own",
        reason: CelReason::FieldValueForbidden,
        field_path: None,
    },
    CelRule {
        on: Cow::Borrowed("spec.components[].podAnnotations"),
        rule: "self.all(key, !key.startsWith('kfpops.dev/'))",
        message: "annotations under kfpops.dev/ are the operator's own",
        reason: CelReason::FieldValueForbidden,
        field_path: None,
    },
    CelRule {
        on: Cow::Borrowed("spec.components[].extraEnv[]"),
        rule: "!has(self.valueFrom) || !has(self.value) || self.value == ''",
        message: "an environment variable has either value or valueFrom",
        reason: CelReason::FieldValueForbidden,
        field_path: Some(".valueFrom"),
    },
];

/// A volume smaller than this cannot hold an empty server's own files with room to work.
const fn storage_floor(on: &'static str) -> CelRule {
    CelRule {
        on: Cow::Borrowed(on),
        rule: "quantity(self).compareTo(quantity('1Gi')) >= 0",
        message: "a volume needs at least 1Gi",
        reason: CelReason::FieldValueInvalid,
        field_path: None,
    }
}

/// No volume plugin shrinks a volume, so a smaller size, or none after one, would be a silent lie.
const fn storage_grows(on: &'static str) -> CelRule {
    CelRule {
        on: Cow::Borrowed(on),
        rule: "!has(oldSelf.embedded) || !has(oldSelf.embedded.storage.size) \
               || (has(self.embedded) && has(self.embedded.storage.size) \
               && quantity(self.embedded.storage.size).compareTo(quantity(oldSelf.embedded.storage.size)) >= 0)",
        message: "the size of a volume only grows, and stays once it is set",
        reason: CelReason::FieldValueInvalid,
        field_path: Some(".embedded.storage.size"),
    }
}

/// Kubernetes fixes the class of a claim when it is made.
const fn storage_class_fixed(on: &'static str) -> CelRule {
    CelRule {
        on: Cow::Borrowed(on),
        rule: "(has(self.embedded) && has(self.embedded.storage.className) ? self.embedded.storage.className : '') \
               == (has(oldSelf.embedded) && has(oldSelf.embedded.storage.className) ? oldSelf.embedded.storage.className : '')",
        message: "the class of a volume is fixed when the volume is made",
        reason: CelReason::FieldValueInvalid,
        field_path: Some(".embedded.storage.className"),
    }
}
