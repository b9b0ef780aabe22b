//! Room e2e/standin: whether RBAC rules grant a right, by Kubernetes' own rules. Pure.

use serde::Deserialize;

use crate::contract::Right;
use crate::facts::Answer;

/// One rule of a Role or ClusterRole.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PolicyRule {
    /// API groups; empty is the core group, `*` is all.
    #[serde(default)]
    pub api_groups: Vec<String>,
    /// Plurals, with subresources after a slash; `*` is all, `*/x` the subresource of all.
    #[serde(default)]
    pub resources: Vec<String>,
    /// Object names; none is every object.
    #[serde(default)]
    pub resource_names: Vec<String>,
    /// Verbs; `*` is all.
    #[serde(default)]
    pub verbs: Vec<String>,
}

impl PolicyRule {
    fn grants(&self, right: &Right) -> bool {
        let one_of = |list: &[String], wanted: &str| list.iter().any(|item| item == "*" || item == wanted);
        let resource_fits = self.resources.iter().any(|resource| match &right.subresource {
            None => resource == "*" || *resource == right.resource,
            Some(subresource) => {
                resource == "*"
                    || *resource == format!("{}/{subresource}", right.resource)
                    || *resource == format!("*/{subresource}")
            }
        });
        let name_fits = self.resource_names.is_empty()
            || right
                .name
                .as_ref()
                .is_some_and(|name| self.resource_names.contains(name));
        resource_fits
            && name_fits
            && one_of(&self.api_groups, &right.group)
            && one_of(&self.verbs, &right.verb)
    }
}

/// What an authorizer that has these rules alone says.
#[must_use]
pub fn answer(rules: &[PolicyRule], right: &Right) -> Answer {
    if rules.iter().any(|rule| rule.grants(right)) {
        Answer::Allowed
    } else {
        Answer::Denied("no rule of its roles grants it".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn right(verb: &str, resource: &str, name: Option<&str>) -> Right {
        let (resource, subresource) = match resource.split_once('/') {
            Some((resource, subresource)) => (resource, Some(subresource.to_owned())),
            None => (resource, None),
        };
        Right {
            group: String::new(),
            resource: resource.to_owned(),
            subresource,
            name: name.map(str::to_owned),
            verb: verb.to_owned(),
        }
    }

    #[rstest]
    #[case::its_own(&["pods"], &[], &["get"], right("get", "pods", None), true)]
    #[case::another_verb(&["pods"], &[], &["get"], right("delete", "pods", None), false)]
    #[case::a_subresource_is_another(&["pods"], &[], &["get"], right("get", "pods/log", None), false)]
    #[case::every_resource_has_every_subresource(&["*"], &[], &["*"], right("get", "pods/log", None), true)]
    #[case::the_subresource_of_all(&["*/log"], &[], &["get"], right("get", "pods/log", None), true)]
    #[case::one_object_is_not_all(&["secrets"], &["a"], &["get"], right("get", "secrets", None), false)]
    #[case::all_objects_hold_the_one(&["secrets"], &[], &["get"], right("get", "secrets", Some("a")), true)]
    #[case::that_object(&["secrets"], &["a"], &["get"], right("get", "secrets", Some("a")), true)]
    #[case::another_object(&["secrets"], &["b"], &["get"], right("get", "secrets", Some("a")), false)]
    fn rules_grant_as_kubernetes_does(
        #[case] resources: &[&str],
        #[case] names: &[&str],
        #[case] verbs: &[&str],
        #[case] right: Right,
        #[case] allowed: bool,
    ) {
        let own = |list: &[&str]| list.iter().map(|item| (*item).to_owned()).collect();
        let rule = PolicyRule {
            api_groups: vec![String::new()],
            resources: own(resources),
            resource_names: own(names),
            verbs: own(verbs),
        };
        assert_eq!(answer(&[rule], &right) == Answer::Allowed, allowed);
    }

    #[test]
    fn a_rule_of_another_group_grants_nothing() {
        let rule = PolicyRule {
            api_groups: vec!["apps".to_owned()],
            resources: vec!["*".to_owned()],
            resource_names: Vec::new(),
            verbs: vec!["*".to_owned()],
        };
        assert!(matches!(
            answer(&[rule], &right("get", "pods", None)),
            Answer::Denied(_)
        ));
    }
}
