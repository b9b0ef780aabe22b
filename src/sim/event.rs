//! PROOF: how a world begins, and what users and accidents do to it.

use std::collections::BTreeMap;

use kfp_api::installation::{DatabaseEngine, DeletionPolicy};
use kfp_plan::{ObjectRef, RestoreState, Seen};
use kfp_releases::Role;

use crate::act::delete;
use crate::error::SimError;
use crate::look::{is_claim, secret};
use crate::resource::{Resource, Wish};
use crate::wanted::Wanted;
use crate::world::{Content, Disk, Keys, Stored, World, is_workload};

/// Name of the simulated resource.
const NAME: &str = "team-a";
/// Name of another installation.
const OTHER: &str = "team-z";
/// Claim of the embedded database, upstream's.
const CLAIM: &str = "mysql-pv-claim";
/// Secret that the API server opens it with, upstream's.
const PASSWORD: &str = "mysql-secret";

/// How a world begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// Nothing is there.
    Nothing,
    /// The CRDs are missing.
    NoCrds,
    /// An older installation holds the namespace.
    Occupied,
    /// Volume and passwords that a deleted installation of this name left behind, with this content.
    Data(Content),
    /// The same, but the volume does not say which release used it.
    UnlabelledData(Content),
    /// Volume and passwords that an installation of another name left behind.
    OthersData,
}

/// What happens beside the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// `spec.paused` is set.
    Pause(bool),
    /// `spec.version` is set.
    Version(String),
    /// `spec.deletionPolicy` is set.
    Policy(DeletionPolicy),
    /// The cache server is switched on or off.
    Cache(bool),
    /// The resource is deleted.
    Delete,
    /// The resource is created again.
    Create,
    /// Somebody edits an object that holds no data: the one of this number.
    Edit(usize),
    /// Somebody deletes an object that holds no data.
    Remove(usize),
    /// Somebody scales a workload to zero.
    Scale(usize),
    /// A workload's pods are killed.
    Kill(usize),
    /// Somebody writes another password into the Secret that the API server opens the database with.
    BreakPassword,
    /// That Secret is lost.
    LosePassword,
    /// The CRDs go or come.
    Crds(bool),
    /// Somebody stores a pipeline version that is too new for any release.
    StoreTooNew(String),
    /// It is deleted.
    DeletePipeline(String),
    /// Somebody restores foreign tables into the database while nothing runs on it.
    RestoreForeign,
    /// A restore begins, gives up in the middle, or is through.
    Restore(Option<RestoreState>),
}

impl World {
    /// A world that begins so, with a resource that asks for `version`.
    pub fn begin(start: &Start, version: &str, pace: u32) -> Result<Self, SimError> {
        let mut world = Self::new(pace);
        let resource = Resource::new(Wish::new(NAME, version), world.next());
        let wanted = Wanted::of(&resource, &Seen::Absent)?;
        match start {
            Start::Nothing => {}
            Start::NoCrds => world.crds = false,
            Start::Occupied => world.older = Some(OTHER.to_owned()),
            Start::Data(content) => world.left_behind(NAME, content, &wanted, content.release()),
            Start::UnlabelledData(content) => world.left_behind(NAME, content, &wanted, None),
            Start::OthersData => world.left_behind(OTHER, &Content::Of(version.to_owned()), &wanted, None),
        }
        world.resource = Some(resource);
        Ok(world)
    }

    /// Volume and passwords, as a deleted installation leaves them.
    fn left_behind(
        &mut self,
        installation: &str,
        content: &Content,
        wanted: &Wanted,
        version: Option<String>,
    ) {
        let disk = Disk {
            id: self.next(),
            engine: DatabaseEngine::MySQL,
            password: None,
            release: version.clone(),
            content: content.clone(),
        };
        self.disks.insert(CLAIM.to_owned(), disk);
        let stored = Stored {
            content: 0,
            owner: None,
            installation: installation.to_owned(),
            release: None,
            version,
            image: None,
            replicas: 1,
        };
        self.objects.insert(
            ObjectRef {
                kind: "PersistentVolumeClaim".to_owned(),
                name: CLAIM.to_owned(),
            },
            stored,
        );
        self.make_passwords(installation, wanted);
        let password = self.held_password(wanted);
        self.disks
            .entry(CLAIM.to_owned())
            .and_modify(|disk| disk.password = password);
    }

    /// Every missing key of the Secrets that open the database.
    fn make_passwords(&mut self, installation: &str, wanted: &Wanted) {
        for (name, keys) in wanted.passwords() {
            let empty = Keys {
                installation: installation.to_owned(),
                values: BTreeMap::new(),
            };
            let mut held = self.secrets.remove(name).unwrap_or(empty);
            for key in keys {
                if !held.values.contains_key(key) {
                    held.values.insert(key.clone(), self.next());
                }
            }
            self.secrets.insert(name.clone(), held);
        }
    }

    fn held_password(&self, wanted: &Wanted) -> Option<u32> {
        self.secrets
            .get(wanted.password())?
            .values
            .get("password")
            .copied()
    }

    /// Lets something happen. What cannot happen now does not.
    pub fn happen(&mut self, event: &Event) {
        match event {
            Event::Pause(on) => self.edit_spec(|wish| wish.paused = *on),
            Event::Version(version) => self.edit_spec(|wish| wish.version.clone_from(version)),
            Event::Policy(policy) => self.edit_spec(|wish| wish.deletion_policy = *policy),
            Event::Cache(on) => self.edit_spec(|wish| wish.cache = *on),
            Event::Delete => self.delete_resource(),
            Event::Create => self.create_resource(),
            Event::Edit(number) => self.edit_object(*number, |stored| stored.content ^= 1),
            Event::Remove(number) => {
                if let Some(object) = self.pick(*number, |object| !is_claim(object)) {
                    delete(self, &object);
                }
            }
            Event::Scale(number) => {
                if let Some(object) = self.pick(*number, is_workload) {
                    self.objects
                        .entry(object)
                        .and_modify(|stored| stored.replicas = 0);
                }
            }
            Event::Kill(number) => {
                if let Some(object) = self.pick(*number, is_workload) {
                    self.pods.entry(object.name).and_modify(|pods| pods.age = 0);
                }
            }
            Event::BreakPassword => {
                let wrong = self.next();
                if let Some(keys) = self.secrets.get_mut(PASSWORD) {
                    keys.values.insert("password".to_owned(), wrong);
                }
            }
            Event::LosePassword => delete(self, &secret(PASSWORD)),
            Event::Crds(there) => self.crds = *there,
            Event::StoreTooNew(name) => drop(self.too_new.insert(name.clone())),
            Event::DeletePipeline(name) => drop(self.too_new.remove(name)),
            Event::Restore(state) => self.restore = *state,
            Event::RestoreForeign => {
                let unused = self.pods.is_empty();
                if let Some(disk) = self.disks.get_mut(CLAIM).filter(|_| unused) {
                    disk.content = Content::Foreign;
                }
            }
        }
    }

    fn edit_spec(&mut self, edit: impl FnOnce(&mut Wish)) {
        let Some(resource) = &mut self.resource else {
            return;
        };
        let before = resource.wish.clone();
        edit(&mut resource.wish);
        if resource.wish != before {
            resource.generation += 1;
        }
    }

    fn delete_resource(&mut self) {
        let tick = self.tick;
        let Some(resource) = &mut self.resource else {
            return;
        };
        if resource.finalizer {
            resource.deleting_since.get_or_insert(tick);
        } else {
            self.remove_resource();
        }
    }

    fn create_resource(&mut self) {
        if self.resource.is_none() {
            let version = self.volume_release().or_else(|| self.database_release());
            let wish = Wish::new(NAME, version.as_deref().unwrap_or("2.16.1"));
            let uid = self.next();
            self.resource = Some(Resource::new(wish, uid));
        }
    }

    fn database_release(&self) -> Option<String> {
        self.disks.get(CLAIM)?.content.release()
    }

    fn volume(&mut self) -> Option<&mut Stored> {
        self.objects
            .iter_mut()
            .find(|(object, _)| is_claim(object) && object.name == CLAIM)
            .map(|(_, stored)| stored)
    }

    fn volume_release(&mut self) -> Option<String> {
        self.volume().and_then(|stored| stored.version.clone())
    }

    fn pick(&self, number: usize, choose: impl Fn(&ObjectRef) -> bool) -> Option<ObjectRef> {
        let found: Vec<&ObjectRef> = self.objects.keys().filter(|object| choose(object)).collect();
        found
            .get(number.checked_rem(found.len())?)
            .map(|object| (*object).clone())
    }

    fn edit_object(&mut self, number: usize, edit: impl FnOnce(&mut Stored)) {
        if let Some(object) = self.pick(number, |object| !is_claim(object)) {
            self.objects.entry(object).and_modify(edit);
        }
    }

    /// A careful administrator does whatever the operator asked for: afterwards nothing stands in the way any more.
    pub fn mend(&mut self) -> Result<(), SimError> {
        self.older = None;
        self.crds = true;
        self.restore = None;
        self.create_resource();
        let name = self
            .resource
            .as_ref()
            .map_or(NAME.to_owned(), |resource| resource.wish.name.clone());
        self.objects
            .retain(|object, stored| !is_claim(object) || stored.installation == name);
        self.secrets.retain(|_, keys| keys.installation == name);
        let claims: Vec<String> = self
            .objects
            .keys()
            .filter(|object| is_claim(object))
            .map(|claim| claim.name.clone())
            .collect();
        self.disks.retain(|claim, _| claims.contains(claim));
        self.mend_release();
        self.edit_spec(|wish| wish.paused = false);
        self.mend_passwords(&name)
    }

    /// Follows the operator's questions about releases to their end.
    fn mend_release(&mut self) {
        let server = self
            .pods
            .values()
            .find(|pods| pods.role == Role::ApiServer)
            .map(|pods| pods.release.clone());
        if let Some(disk) = self.disks.get_mut(CLAIM) {
            disk.content = match (&disk.content, &server) {
                (Content::Foreign | Content::Making(_), Some(release)) => Content::Of(release.clone()),
                (Content::Foreign | Content::Making(_), None) => Content::Empty,
                (content, _) => content.clone(),
            };
        }
        let running = self.labels().into_iter().next();
        let data = self.database_release().filter(|_| server.is_none());
        let strange =
            data.is_some() && (running.is_some() && running != data || self.volume_release() != data);
        if let (Some(release), true) = (&data, strange) {
            self.remove_resource();
            if let Some(volume) = self.volume() {
                volume.version = Some(release.clone());
            }
            self.disks
                .entry(CLAIM.to_owned())
                .and_modify(|disk| disk.release = Some(release.clone()));
            self.create_resource();
        }
        let wanted = server.or(data).or(running).or_else(|| self.volume_release());
        self.edit_spec(|wish| wish.version = wanted.unwrap_or_else(|| wish.version.clone()));
    }

    /// Puts back the passwords that the database's volume was first opened with.
    fn mend_passwords(&mut self, name: &str) -> Result<(), SimError> {
        let Some(resource) = &self.resource else {
            return Ok(());
        };
        let wanted = Wanted::of(resource, &Seen::Absent)?;
        let Some(password) = self.disks.get(CLAIM).map(|disk| disk.password) else {
            return Ok(());
        };
        self.make_passwords(name, &wanted);
        // A volume that no server has opened yet takes any password.
        if let (Some(password), Some(keys)) = (password, self.secrets.get_mut(wanted.password())) {
            keys.values.insert("password".to_owned(), password);
        }
        Ok(())
    }
}
