//! PROOF: the hands: actions carried out in a world, obediently. What may never happen is noted and done all the same.

use std::collections::BTreeSet;

use kfp_plan::{Action, ActionOutcome, ObjectRef};
use kfp_releases::Role;

use crate::look::{claim, is_claim};
use crate::wanted::{Group, Shape, Wanted};
use crate::world::{Content, Disk, Keys, Pods, Stored, World, is_workload};

/// Carries out an action, or its first `limit` objects.
pub(crate) fn act(world: &mut World, wanted: &Wanted, action: &Action, limit: usize) -> ActionOutcome {
    let before = world.clone();
    match action {
        Action::BindRights => world.rights = true,
        Action::SetFinalizer(on) => set_finalizer(world, *on),
        Action::Generate(secrets) => secrets
            .iter()
            .take(limit)
            .for_each(|secret| generate(world, wanted, secret)),
        Action::Apply { component, objects } => apply(world, wanted, component, objects, limit),
        Action::Bootstrap(_) => world.violation("a restore was made that nobody asked for"),
        Action::Prune(objects) => objects
            .iter()
            .take(limit)
            .for_each(|object| delete(world, object)),
        Action::DeleteData(objects) => {
            let allowed = world.resource.as_ref().is_some_and(|resource| {
                let policy = resource.wish.deletion_policy;
                resource.deleting_since.is_some() && policy == kfp_api::installation::DeletionPolicy::Delete
            });
            if !allowed {
                world.violation("data was deleted without being asked for");
            }
            objects
                .iter()
                .take(limit)
                .for_each(|object| delete(world, object));
        }
    }
    check(&before, world, action);
    if *world == before {
        ActionOutcome::AlreadyDone
    } else {
        ActionOutcome::Done
    }
}

/// Notes writes that nothing allows.
fn check(before: &World, after: &mut World, action: &Action) {
    if *before == *after {
        return;
    }
    let Some(resource) = &before.resource else { return };
    let deleting = resource.deleting_since.is_some();
    if let (Some(older), false) = (&before.older, deleting) {
        after.violation(format!("{action:?} beside the older installation {older}"));
    }
    if resource.wish.paused && !deleting {
        after.violation(format!("{action:?} while paused"));
    }
    let other = before
        .labels()
        .iter()
        .any(|label| *label != resource.wish.version);
    if other && !deleting {
        after.violation(format!("{action:?} while another release runs"));
    }
    let name = &resource.wish.name;
    let took = before
        .objects
        .iter()
        .filter(|(object, stored)| is_claim(object) && stored.installation != *name);
    if let Some((object, stored)) = took
        .into_iter()
        .find(|(object, stored)| after.objects.get(*object) != Some(stored))
    {
        after.violation(format!("{action:?} took {object} of {}", stored.installation));
    }
    let data = matches!(action, Action::DeleteData(_));
    let kept = before
        .disks
        .iter()
        .all(|(name, disk)| after.disks.get(name).is_some_and(|now| now.id == disk.id));
    let values = before.secrets.iter().all(|(name, keys)| {
        let now = after.secrets.get(name);
        now.is_some_and(|now| {
            keys.values
                .iter()
                .all(|(key, value)| now.values.get(key) == Some(value))
        })
    });
    let taken = !kept || !values;
    if taken && !data {
        after.violation(format!("{action:?} took a volume or a password away"));
    }
}

fn set_finalizer(world: &mut World, on: bool) {
    let Some(resource) = &mut world.resource else {
        return;
    };
    resource.finalizer = on;
    if !on && resource.deleting_since.is_some() {
        world.remove_resource();
    }
}

fn generate(world: &mut World, wanted: &Wanted, secret: &ObjectRef) {
    let Some((name, keys)) = wanted.secrets().find(|(name, _)| **name == secret.name) else {
        return;
    };
    let known = world
        .secrets
        .get(name)
        .map(|held| held.values.clone())
        .unwrap_or_default();
    let opened = world.disks.values().any(|disk| disk.password.is_some());
    if opened
        && wanted.passwords().any(|(password, _)| password == name)
        && keys.iter().any(|key| !known.contains_key(key))
    {
        world.violation(format!(
            "a password was made up in {secret} for data that another one opens"
        ));
    }
    let mut values = known.clone();
    for key in keys.iter().filter(|key| !known.contains_key(*key)) {
        values.insert(key.clone(), world.next());
    }
    world.secrets.insert(
        name.clone(),
        Keys {
            installation: wanted.installation.name.clone(),
            values,
        },
    );
}

fn apply(world: &mut World, wanted: &Wanted, component: &str, objects: &BTreeSet<ObjectRef>, limit: usize) {
    let Some(group) = wanted.group(component) else {
        world.violation(format!("{component} is not rendered and was applied"));
        return;
    };
    for object in objects.iter().take(limit) {
        let workload = group
            .workload
            .iter()
            .find(|(known, _)| known == object)
            .map(|(_, shape)| shape);
        let Some(shape) = group.base.get(object).or(workload) else {
            world.violation(format!("{object} of {component} is not rendered and was applied"));
            continue;
        };
        if workload.is_some() {
            start(world, wanted, group, object, shape);
        }
        store(world, wanted, object, shape);
    }
}

fn store(world: &mut World, wanted: &Wanted, object: &ObjectRef, shape: &Shape) {
    let owner = world
        .resource
        .as_ref()
        .filter(|_| shape.owned)
        .map(|resource| resource.uid);
    let stored = Stored {
        content: shape.content,
        owner,
        installation: wanted.installation.name.clone(),
        release: shape.release.clone(),
        version: shape.version.clone(),
        image: shape.image.clone(),
        replicas: shape.replicas,
    };
    world.objects.insert(object.clone(), stored);
    if is_claim(object) && !world.disks.contains_key(&object.name) {
        let (id, engine) = (world.next(), wanted.installation.engine);
        world.disks.insert(
            object.name.clone(),
            Disk {
                id,
                engine,
                password: None,
                release: None,
                content: Content::Empty,
            },
        );
    }
}

/// Pods start anew when their workload is new or its rendering changes.
fn start(world: &mut World, wanted: &Wanted, group: &Group, object: &ObjectRef, shape: &Shape) {
    if shape.replicas == 0 {
        world.pods.remove(&object.name);
        return;
    }
    let before = world.objects.get(object);
    if before.is_some_and(|stored| stored.content == shape.content && world.pods.contains_key(&object.name)) {
        return;
    }
    if before.is_none() {
        for name in group
            .after
            .iter()
            .filter(|name| !world.once_healthy.contains(*name))
            .cloned()
            .collect::<Vec<_>>()
        {
            world.violation(format!("{} was made before {name} was ever healthy", object.name));
        }
    }
    let Some(role) = group.role else { return };
    if world.restore.is_some() && role.stands_still() {
        world.violation(format!("{} was started while rows are put back", object.name));
    }
    let shared = wanted
        .groups
        .iter()
        .filter(|known| known.role.is_none())
        .flat_map(|known| known.secrets.keys());
    let pods = Pods {
        role,
        release: shape.release.clone().unwrap_or_default(),
        engine: wanted.installation.engine,
        mounts: group.secrets.keys().chain(shared).cloned().collect(),
        claim: claim(group).filter(|_| role == Role::Database),
        password: wanted.password().to_owned(),
        age: 0,
    };
    world.pods.insert(object.name.clone(), pods);
}

/// Deletes an object and what hangs on it.
pub(crate) fn delete(world: &mut World, object: &ObjectRef) {
    world.objects.remove(object);
    if is_workload(object) {
        world.pods.remove(&object.name);
    }
    if is_claim(object) {
        world.disks.remove(&object.name);
    }
    if object.kind == "Secret" {
        world.secrets.remove(&object.name);
    }
}
