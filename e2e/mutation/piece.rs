//! PROOF (pure): the pieces of a rendered pod that can be taken away one at a time. Judges nothing.

use std::fmt;

use kfp_standin::contract::Right;
use kfp_standin::rbac::PolicyRule;
use kfp_standin::{Stance, contract};
use serde_json::Value;

use crate::world::{Place, list};

/// A piece that is taken away.
#[derive(Debug, Clone, PartialEq)]
pub enum Piece {
    Environment(String),
    Mount(String),
    Right(PolicyRule),
}

impl fmt::Display for Piece {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment(name) => formatter.write_str(name),
            Self::Mount(path) => formatter.write_str(path),
            Self::Right(rule) => asked(rule).fmt(formatter),
        }
    }
}

impl Piece {
    /// Everything that can be taken from a place.
    pub fn all_of(place: &mut Place) -> Vec<Self> {
        let rights: Vec<Self> = place.rights.iter().cloned().map(Self::Right).collect();
        let container = place.container_mut();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let environment = list(&container["env"]).map(|item| Self::Environment(text(&item["name"])));
        let mounts = list(&container["volumeMounts"]).map(|item| Self::Mount(text(&item["mountPath"])));
        environment.chain(mounts).chain(rights).collect()
    }

    /// What it is, for messages and counts.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Environment(_) => "environment name",
            Self::Mount(_) => "mount",
            Self::Right(_) => "right",
        }
    }

    /// The place without it.
    pub fn taken_from(&self, place: &Place) -> Place {
        let mut place = place.clone();
        match self {
            Self::Environment(name) => {
                retain(&mut place.container_mut()["env"], |item| item["name"] != *name);
            }
            Self::Mount(path) => {
                retain(&mut place.container_mut()["volumeMounts"], |item| {
                    item["mountPath"] != *path
                });
            }
            Self::Right(rule) => place.rights.retain(|right| right != rule),
        }
        place
    }

    /// Why the program in this place does without it, where its contract says so.
    pub fn unneeded_in(&self, place: &Place) -> Option<String> {
        let contract = contract(place.role, &place.release).unwrap();
        let stance = match self {
            Self::Environment(name) => contract.stance_on_variable(name),
            Self::Right(rule) => contract.stance_on_right(&asked(rule)),
            Self::Mount(_) => Stance::Unknown,
        };
        match stance {
            Stance::Optional(why) => Some(why),
            Stance::Required(_) | Stance::Unknown => None,
        }
    }
}

/// The single right that a rule of one verb gives.
fn asked(rule: &PolicyRule) -> Right {
    let (resource, subresource) = match rule.resources[0].split_once('/') {
        Some((resource, subresource)) => (resource, Some(subresource.to_owned())),
        None => (rule.resources[0].as_str(), None),
    };
    Right {
        group: rule.api_groups[0].clone(),
        resource: resource.to_owned(),
        subresource,
        name: rule.resource_names.first().cloned(),
        verb: rule.verbs[0].clone(),
    }
}

fn retain(items: &mut Value, keep: impl FnMut(&Value) -> bool) {
    items.as_array_mut().unwrap().retain(keep);
}
