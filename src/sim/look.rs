//! PROOF: the eyes: what the operator sees of a world, with looks that fail. Nothing is changed here.

use std::collections::{BTreeMap, BTreeSet};

use kfp_api::conditions::Reason;
use kfp_plan::{ComponentSeen, ObjectRef, Observed, RestoreSeen, Seen, WorkloadSeen};
use kfp_releases::Role;

use crate::fault::Faults;
use crate::inventory;
use crate::wanted::{Group, Shape, Wanted};
use crate::world::{Stored, World};

/// Ticks after which a deletion has taken too long.
const DELETION_LIMIT: u32 = 15;
/// Number of the first look at a component; each takes three.
const FIRST_COMPONENT: u32 = 12;

/// Looks at everything once.
pub(crate) fn look(world: &World, wanted: &Wanted, faults: &Faults) -> Observed {
    let eyes = Eyes {
        world,
        wanted,
        faults,
    };
    let resource = world.resource.as_ref();
    let deleting_since = resource.and_then(|resource| resource.deleting_since);
    let older = world.older.clone().map_or(Seen::Absent, Seen::Known);
    Observed {
        occupant: eyes.anywhere(0, older),
        deleting: deleting_since.is_some(),
        finalizer: resource.is_some_and(|resource| resource.finalizer),
        kubernetes: eyes.anywhere(1, Seen::Known("1.34".to_owned())),
        rights: eyes.anywhere(
            2,
            if world.rights {
                Seen::Known(())
            } else {
                Seen::Absent
            },
        ),
        crd_problems: eyes.anywhere(3, Seen::Known(eyes.crds())),
        installed: eyes.inside(4, Seen::Known(world.labels())),
        database_engine: eyes.inside(5, eyes.engine()),
        volume_release: eyes.inside(5, eyes.volume_release()),
        orphans: eyes.inside(6, Seen::Known(eyes.orphans())),
        database: eyes.inside(7, world.database()),
        object_store: eyes.inside(8, eyes.answer(Role::ObjectStore)),
        api_server: eyes.inside(9, eyes.answer(Role::ApiServer)),
        data_left: eyes.inside(10, Seen::Known(eyes.data_left())),
        data_of_others: eyes.inside(11, Seen::Known(eyes.data_of_others())),
        components: (FIRST_COMPONENT..)
            .step_by(3)
            .zip(wanted.groups.iter())
            .map(|(number, group)| (group.name.clone(), eyes.component(number, group)))
            .collect(),
        backups: kfp_plan::Seen::Absent,
        restore: world.restore(),
        bootstrap: Seen::Absent,
        inventory: eyes.inside(
            7,
            inventory::found(
                world,
                &wanted.installation.release.version.to_string(),
                world.database(),
            ),
        ),
        deletion_overdue: deleting_since.is_some_and(|since| world.tick - since > DELETION_LIMIT),
    }
}

/// Number of the look for restores.
const RESTORES: u32 = 11;

/// Whether a restore holds the installation.
pub(crate) fn looked_for(world: &World, faults: &Faults) -> Seen<RestoreSeen> {
    if faults.is_blind(RESTORES) {
        return Seen::Unknown {
            reason: Reason::ProbeFailed,
            why: "the look timed out".to_owned(),
        };
    }
    world.restore()
}

struct Eyes<'a> {
    world: &'a World,
    wanted: &'a Wanted,
    faults: &'a Faults,
}

impl Eyes<'_> {
    fn anywhere<T>(&self, number: u32, found: Seen<T>) -> Seen<T> {
        if self.faults.is_blind(number) {
            return Seen::Unknown {
                reason: Reason::ProbeFailed,
                why: "the look timed out".to_owned(),
            };
        }
        found
    }

    /// As `anywhere`, for what only the rights in the namespace let one see.
    fn inside<T>(&self, number: u32, found: Seen<T>) -> Seen<T> {
        if self.world.rights {
            return self.anywhere(number, found);
        }
        Seen::Unknown {
            reason: Reason::ProbeFailed,
            why: "forbidden".to_owned(),
        }
    }

    fn name(&self) -> &str {
        &self.wanted.installation.name
    }

    fn crds(&self) -> BTreeMap<String, String> {
        let missing = ("workflows.argoproj.io".to_owned(), "it is missing".to_owned());
        if self.world.crds {
            BTreeMap::new()
        } else {
            BTreeMap::from([missing])
        }
    }

    fn engine(&self) -> Seen<kfp_api::installation::DatabaseEngine> {
        let claim = self.wanted.role(Role::Database).and_then(claim);
        claim
            .and_then(|claim| self.world.disks.get(&claim))
            .map_or(Seen::Absent, |disk| Seen::Known(disk.engine))
    }

    fn volume_release(&self) -> Seen<String> {
        let claim = self.wanted.role(Role::Database).and_then(claim);
        let held = self
            .world
            .objects
            .iter()
            .find(|(object, _)| is_claim(object) && Some(&object.name) == claim.as_ref());
        held.and_then(|(_, stored)| stored.version.clone())
            .map_or(Seen::Absent, Seen::Known)
    }

    fn answer(&self, role: Role) -> Seen<()> {
        match self.world.answers(role) {
            None => Seen::Absent,
            Some(true) => Seen::Known(()),
            Some(false) => Seen::Unknown {
                reason: Reason::Unreachable,
                why: "connection refused".to_owned(),
            },
        }
    }

    /// While the resource is being deleted, only what it does not own and what holds no data.
    fn orphans(&self) -> Vec<ObjectRef> {
        let deleting = self
            .world
            .resource
            .as_ref()
            .is_some_and(|resource| resource.deleting_since.is_some());
        let rendered: BTreeSet<&ObjectRef> = self.wanted.objects().collect();
        let objects = self.world.objects.iter().filter(|(object, stored)| {
            let unwanted = if deleting {
                stored.owner.is_none() && !is_claim(object)
            } else {
                !rendered.contains(object)
            };
            stored.installation == self.name() && unwanted
        });
        let known: BTreeSet<&String> = self.wanted.secrets().map(|(name, _)| name).collect();
        let secrets =
            self.world.secrets.iter().filter(|(name, keys)| {
                keys.installation == self.name() && !known.contains(name) && !deleting
            });
        objects
            .map(|(object, _)| object.clone())
            .chain(secrets.map(|(name, _)| secret(name)))
            .collect()
    }

    fn data_left(&self) -> Vec<ObjectRef> {
        let own = |installation: &String| installation == self.name();
        let claims = self
            .world
            .objects
            .iter()
            .filter(|(object, stored)| is_claim(object) && own(&stored.installation));
        let secrets = self
            .world
            .secrets
            .iter()
            .filter(|(_, keys)| own(&keys.installation));
        claims
            .map(|(object, _)| object.clone())
            .chain(secrets.map(|(name, _)| secret(name)))
            .collect()
    }

    fn data_of_others(&self) -> BTreeMap<String, Vec<ObjectRef>> {
        let mut others: BTreeMap<String, Vec<ObjectRef>> = BTreeMap::new();
        let claims = self.wanted.objects().filter(|object| is_claim(object));
        let claims =
            claims.filter_map(|object| Some((object.clone(), &self.world.objects.get(object)?.installation)));
        let secrets = self
            .wanted
            .secrets()
            .filter_map(|(name, _)| Some((secret(name), &self.world.secrets.get(name)?.installation)));
        for (object, owner) in claims.chain(secrets).filter(|(_, owner)| *owner != self.name()) {
            others.entry(owner.clone()).or_default().push(object);
        }
        others
    }

    fn component(&self, number: u32, group: &Group) -> ComponentSeen {
        let drift = group.base.iter().filter(|(object, shape)| {
            !self
                .world
                .objects
                .get(*object)
                .is_some_and(|stored| self.is_as(stored, shape))
        });
        let due = group.secrets.iter().filter(|(name, keys)| {
            let held = self.world.secrets.get(*name);
            !held.is_some_and(|held| keys.iter().all(|key| held.values.contains_key(key)))
        });
        ComponentSeen {
            base_drift: self.inside(
                number,
                Seen::Known(drift.map(|(object, _)| object.clone()).collect()),
            ),
            secrets_due: self.inside(
                number + 1,
                Seen::Known(due.map(|(name, _)| secret(name)).collect()),
            ),
            workload: self.inside(number + 2, self.workload(group)),
        }
    }

    fn workload(&self, group: &Group) -> Seen<WorkloadSeen> {
        let Some((object, shape)) = &group.workload else {
            return Seen::Absent;
        };
        let Some(stored) = self.world.objects.get(object) else {
            return Seen::Absent;
        };
        let (ready, desired) = self.world.ready(&object.name);
        let trouble = if ready < desired {
            vec!["ContainerCreating".to_owned()]
        } else {
            Vec::new()
        };
        Seen::Known(WorkloadSeen {
            drift: !self.is_as(stored, shape),
            release: stored.release.clone(),
            image: stored.image.clone(),
            desired,
            ready,
            current: true,
            trouble,
        })
    }

    /// The object stands as rendered, and belongs to this very resource if it belongs to any.
    fn is_as(&self, stored: &Stored, shape: &Shape) -> bool {
        let owner = self
            .world
            .resource
            .as_ref()
            .filter(|_| shape.owned)
            .map(|resource| resource.uid);
        stored.content == shape.content && stored.owner == owner && stored.replicas == shape.replicas
    }
}

/// Claim of a component, if it has one.
pub(crate) fn claim(group: &Group) -> Option<String> {
    group
        .base
        .keys()
        .find(|object| is_claim(object))
        .map(|object| object.name.clone())
}

/// A PersistentVolumeClaim.
pub(crate) fn is_claim(object: &ObjectRef) -> bool {
    object.kind == "PersistentVolumeClaim"
}

/// A Secret of that name.
pub(crate) fn secret(name: &str) -> ObjectRef {
    ObjectRef {
        kind: "Secret".to_owned(),
        name: name.to_owned(),
    }
}
