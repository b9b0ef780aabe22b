//! THOUGHT: descriptions of worlds for tests. Names differ from each other on purpose, so that a mix-up cannot pass.

use std::collections::{BTreeMap, BTreeSet};

use kfp_api::conditions::Reason;
use kfp_api::installation::{DatabaseEngine, DeletionPolicy};
use kfp_api::sdk::SdkPolicyMode;
use kfp_api::status::{SchemaState, SchemaStatus};
use kfp_releases::Role;
use kfp_releases::release::KubernetesRange;

use crate::decision::{Action, Decision, Next};
use crate::desired::{Address, AddressKind, Desired, DesiredComponent, DesiredSdk};
use crate::observed::{ComponentSeen, DatabaseSeen, ObjectRef, Observed, Seen, WorkloadSeen};
use crate::think::think;

pub const VERSION: &str = "2.16.1";

pub fn object(kind: &str, name: &str) -> ObjectRef {
    ObjectRef {
        kind: kind.to_owned(),
        name: name.to_owned(),
    }
}

pub fn unknown<T>(why: &str) -> Seen<T> {
    Seen::Unknown {
        reason: Reason::ProbeFailed,
        why: why.to_owned(),
    }
}

pub fn set<T: Ord>(items: impl IntoIterator<Item = T>) -> BTreeSet<T> {
    items.into_iter().collect()
}

fn component(name: &str, role: Role, after: &[&str]) -> DesiredComponent {
    DesiredComponent {
        name: name.to_owned(),
        role,
        workload: object("Deployment", name),
        replicas: 1,
        after: after.iter().map(ToString::to_string).collect(),
    }
}

/// Six components in the shape of 2.16.1.
pub fn desired() -> Desired {
    Desired {
        name: "team-a".to_owned(),
        namespace: "pipelines".to_owned(),
        generation: 3,
        version: VERSION.to_owned(),
        paused: false,
        deletion_policy: DeletionPolicy::Retain,
        kubernetes: Some(KubernetesRange {
            oldest: "1.33".parse().unwrap(),
            newest: "1.35".parse().unwrap(),
            source: "a test".to_owned(),
        }),
        engine: Some(DatabaseEngine::MySQL),
        database_claims: set(["mysql-pv-claim".to_owned()]),
        cluster_scoped: false,
        database_secrets: set(["mysql-secret".to_owned()]),
        sdk: DesiredSdk {
            mode: SdkPolicyMode::Warn,
            allowed: ">=2.0.0,<2.17.0".to_owned(),
            inventory: true,
        },
        bootstrap: None,
        components: vec![
            component("mysql", Role::Database, &[]),
            component("seaweedfs", Role::ObjectStore, &[]),
            component("metadata-grpc", Role::MetadataGrpc, &["mysql"]),
            component(
                "ml-pipeline",
                Role::ApiServer,
                &["mysql", "seaweedfs", "metadata-grpc"],
            ),
            component("ml-pipeline-ui", Role::Frontend, &["ml-pipeline"]),
            component("workflow-controller", Role::WorkflowController, &["seaweedfs"]),
        ],
        endpoints: vec![Address {
            kind: AddressKind::Ui,
            component: "ml-pipeline-ui".to_owned(),
            address: "http://ml-pipeline-ui.pipelines.svc:80".to_owned(),
        }],
    }
}

pub fn schema(state: SchemaState, matches: &[&str]) -> SchemaStatus {
    SchemaStatus {
        state,
        matches: matches.iter().map(ToString::to_string).collect(),
        differences: Vec::new(),
    }
}

pub fn database(schema: SchemaStatus) -> Seen<DatabaseSeen> {
    Seen::Known(DatabaseSeen {
        engine: DatabaseEngine::MySQL,
        server_version: "8.4.3".to_owned(),
        schema,
        unfinished_install: false,
        causes: Vec::new(),
    })
}

fn running(name: &str) -> WorkloadSeen {
    WorkloadSeen {
        drift: false,
        release: Some(VERSION.to_owned()),
        image: Some(format!("example.org/{name}:1")),
        desired: 1,
        ready: 1,
        current: true,
        trouble: Vec::new(),
    }
}

/// Nothing but the resource and the operator's rights: Secrets and objects are due.
pub fn fresh() -> Observed {
    let look = |component: &DesiredComponent| {
        let secrets = if component.role == Role::Database {
            set([object("Secret", "mysql-secret")])
        } else {
            set([])
        };
        let seen = ComponentSeen {
            base_drift: Seen::Known(set([object("Service", &component.name)])),
            secrets_due: Seen::Known(secrets),
            workload: Seen::Absent,
        };
        (component.name.clone(), seen)
    };
    Observed {
        occupant: Seen::Absent,
        deleting: false,
        finalizer: false,
        kubernetes: Seen::Known("1.34".to_owned()),
        rights: Seen::Known(()),
        crd_problems: Seen::Known(BTreeMap::new()),
        installed: Seen::Absent,
        database_engine: Seen::Absent,
        volume_release: Seen::Absent,
        components: desired().components.iter().map(look).collect(),
        orphans: Seen::Known(Vec::new()),
        database: Seen::Absent,
        object_store: Seen::Absent,
        api_server: Seen::Absent,
        data_left: Seen::Absent,
        data_of_others: Seen::Known(BTreeMap::new()),
        inventory: Seen::Absent,
        restore: Seen::Absent,
        bootstrap: Seen::Absent,
        backups: Seen::Absent,
        deletion_overdue: false,
    }
}

/// Everything is there, healthy and without drift.
pub fn healthy() -> Observed {
    let mut seen = fresh();
    for (name, look) in &mut seen.components {
        look.base_drift = Seen::Known(BTreeSet::new());
        look.secrets_due = Seen::Known(BTreeSet::new());
        look.workload = Seen::Known(running(name));
    }
    seen.installed = Seen::Known(set([VERSION.to_owned()]));
    seen.database_engine = Seen::Known(DatabaseEngine::MySQL);
    seen.volume_release = Seen::Known(VERSION.to_owned());
    seen.database = database(schema(SchemaState::Exact, &["2.16.0", VERSION]));
    seen.object_store = Seen::Known(());
    seen.api_server = Seen::Known(());
    seen
}

/// Healthy but for one workload.
pub fn with_workload(name: &str, change: impl FnOnce(&mut WorkloadSeen)) -> Observed {
    let mut seen = healthy();
    change_workload(&mut seen, name, change);
    seen
}

pub fn change_workload(seen: &mut Observed, name: &str, change: impl FnOnce(&mut WorkloadSeen)) {
    let look = seen.components.get_mut(name).unwrap();
    if let Seen::Known(workload) = &mut look.workload {
        change(workload);
    }
}

/// As healthy, but these workloads were never made, nor anything that probes them.
pub fn without(names: &[&str]) -> Observed {
    let mut seen = healthy();
    for name in names {
        seen.components.get_mut(*name).unwrap().workload = Seen::Absent;
    }
    seen
}

pub fn decide(seen: &Observed) -> Decision {
    think(&desired(), seen)
}

/// The workloads that a decision applies, in its order.
pub fn workloads(decision: &Decision) -> Vec<String> {
    let Next::Do(actions) = &decision.next else {
        return Vec::new();
    };
    let workloads = actions.iter().filter_map(|action| match action {
        Action::Apply { component, objects } => objects
            .contains(&object("Deployment", component))
            .then_some(component),
        _ => None,
    });
    workloads.cloned().collect()
}

/// What `component` waits for.
pub fn waits_for<'a>(decision: &'a Decision, component: &str) -> &'a str {
    let wait = decision.waiting.iter().find(|wait| wait.component == component);
    wait.map_or("", |wait| wait.on.as_str())
}
