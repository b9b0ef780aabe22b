//! WORDS: every CEL rule of our CRDs, each with the place it stands on. The API server runs them. No I/O.
//!
//! A rule says what types, bounds and patterns cannot: how two fields fit together, or how a field may change.
//! What needs facts from outside the object (the catalog, the cluster) is not here: it belongs in a condition.
//!
//! Rules about a change that is made by leaving something out stand on the nearest parent that is always present (its
//! default sees to that), because a rule on an absent field does not run.

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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CelRule {
    /// The field that the rule stands on, from the root of the object; `[]` enters a list. Empty: the object itself.
    pub on: &'static str,
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
pub const INSTALLATION: &[CelRule] = &[
    CelRule {
        on: "",
        rule: "self.metadata.name.size() <= 40 && self.metadata.name.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",
        message: "metadata.name may have at most 40 characters, lower-case letters, digits and '-' between them, \
                  because label values and names of other objects are made from it",
        reason: CelReason::FieldValueInvalid,
        field_path: None,
    },
    CelRule {
        on: "",
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
        on: "spec.database.type",
        rule: "self == oldSelf",
        message: "the kind of database is fixed for the life of the installation",
        reason: CelReason::FieldValueInvalid,
        field_path: None,
    },
    CelRule {
        on: "spec.database",
        rule: "self.type == 'Embedded' || !has(self.embedded)",
        message: "embedded is only for type: Embedded",
        reason: CelReason::FieldValueForbidden,
        field_path: Some(".embedded"),
    },
    CelRule {
        on: "spec.database.embedded.engine",
        rule: "self == oldSelf",
        message: "the engine is fixed once it is set: another engine cannot read the data",
        reason: CelReason::FieldValueInvalid,
        field_path: None,
    },
    storage_floor("spec.database.embedded.storage.size"),
    storage_grows("spec.database"),
    storage_class_fixed("spec.database"),
    CelRule {
        on: "spec.objectStore.type",
        rule: "self == oldSelf",
        message: "the kind of object store is fixed for the life of the installation",
        reason: CelReason::FieldValueInvalid,
        field_path: None,
    },
    CelRule {
        on: "spec.objectStore",
        rule: "self.type == 'Embedded' || !has(self.embedded)",
        message: "embedded is only for type: Embedded",
        reason: CelReason::FieldValueForbidden,
        field_path: Some(".embedded"),
    },
    storage_floor("spec.objectStore.embedded.storage.size"),
    storage_grows("spec.objectStore"),
    storage_class_fixed("spec.objectStore"),
    CelRule {
        on: "spec.pipelineStore.type",
        rule: "self == oldSelf",
        message: "where pipelines are kept is fixed for the life of the installation: KFP carries none over",
        reason: CelReason::FieldValueInvalid,
        field_path: None,
    },
    CelRule {
        on: "spec.executionController.type",
        rule: "self == oldSelf",
        message: "the kind of execution controller is fixed for the life of the installation",
        reason: CelReason::FieldValueInvalid,
        field_path: None,
    },
    CelRule {
        on: "spec.executionController",
        rule: "self.type == 'Managed' || !has(self.managed)",
        message: "managed is only for type: Managed",
        reason: CelReason::FieldValueForbidden,
        field_path: Some(".managed"),
    },
    CelRule {
        on: "spec.networkPolicy",
        rule: "self.mode == 'Generated' || self.egress == 'Unrestricted'",
        message: "egress: Restricted needs mode: Generated, because policies are what restricts",
        reason: CelReason::FieldValueForbidden,
        field_path: Some(".egress"),
    },
    CelRule {
        on: "spec.sdkPolicy.exceptions[]",
        rule: "has(self.pipeline) || has(self.sdkVersion)",
        message: "an exception names a pipeline, an SDK version, or both",
        reason: CelReason::FieldValueInvalid,
        field_path: None,
    },
    CelRule {
        on: "spec.components[].image",
        rule: "self.matches('(:[A-Za-z0-9_][A-Za-z0-9_.-]*|@sha256:[a-f0-9]{64})$') && !self.endsWith(':latest')",
        message: "an image needs a tag other than latest, or a digest: what runs must not change by itself",
        reason: CelReason::FieldValueInvalid,
        field_path: None,
    },
    CelRule {
        on: "spec.components[].podLabels",
        rule: "self.all(key, !key.startsWith('kfpops.dev/'))",
        message: "labels under kfpops.dev/ are the operator's own",
        reason: CelReason::FieldValueForbidden,
        field_path: None,
    },
    CelRule {
        on: "spec.components[].podAnnotations",
        rule: "self.all(key, !key.startsWith('kfpops.dev/'))",
        message: "annotations under kfpops.dev/ are the operator's own",
        reason: CelReason::FieldValueForbidden,
        field_path: None,
    },
    CelRule {
        on: "spec.components[].extraEnv[]",
        rule: "!has(self.valueFrom) || !has(self.value) || self.value == ''",
        message: "an environment variable has either value or valueFrom",
        reason: CelReason::FieldValueForbidden,
        field_path: Some(".valueFrom"),
    },
];

/// A volume smaller than this cannot hold an empty server's own files with room to work.
const fn storage_floor(on: &'static str) -> CelRule {
    CelRule {
        on,
        rule: "quantity(self).compareTo(quantity('1Gi')) >= 0",
        message: "a volume needs at least 1Gi",
        reason: CelReason::FieldValueInvalid,
        field_path: None,
    }
}

/// No volume plugin shrinks a volume, so a smaller size, or none after one, would be a silent lie.
const fn storage_grows(on: &'static str) -> CelRule {
    CelRule {
        on,
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
        on,
        rule: "(has(self.embedded) && has(self.embedded.storage.className) ? self.embedded.storage.className : '') \
               == (has(oldSelf.embedded) && has(oldSelf.embedded.storage.className) ? oldSelf.embedded.storage.className : '')",
        message: "the class of a volume is fixed when the volume is made",
        reason: CelReason::FieldValueInvalid,
        field_path: Some(".embedded.storage.className"),
    }
}
