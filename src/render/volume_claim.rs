//! SHAPES: PersistentVolumeClaims: the data. They carry no owner reference: deleting the installation deletes no data.

use k8s_openapi::api::core::v1::{
    PersistentVolumeClaim, PersistentVolumeClaimSpec, VolumeResourceRequirements,
};
use kfp_api::names::ENGINE_ANNOTATION;
use kfp_releases::component::{Component, Role, VolumeClaim};

use crate::RenderError;
use crate::context::Context;
use crate::labels::{Labels, Life, metadata};

/// A claim of `component`. The database's says which engine writes it, for the life of the data.
pub(crate) fn volume_claim(
    context: &Context<'_>,
    component: &Component,
    data: &VolumeClaim,
) -> Result<PersistentVolumeClaim, RenderError> {
    let settings = context
        .installation
        .volumes
        .get(&data.name)
        .ok_or_else(|| RenderError::Missing {
            at: format!("PersistentVolumeClaim/{}", data.name),
            what: "volume",
            name: data.name.clone(),
        })?;
    let mut metadata = metadata(context, &component.name, &data.name, &Labels::new(), Life::Kept);
    if component.role == Role::Database {
        metadata.annotations = Some(
            [(
                ENGINE_ANNOTATION.to_owned(),
                format!("{:?}", context.installation.engine),
            )]
            .into(),
        );
    }
    Ok(PersistentVolumeClaim {
        metadata,
        spec: Some(PersistentVolumeClaimSpec {
            access_modes: Some(vec!["ReadWriteOnce".to_owned()]),
            resources: Some(VolumeResourceRequirements {
                requests: Some([("storage".to_owned(), settings.size.clone())].into()),
                limits: None,
            }),
            storage_class_name: settings.storage_class.clone(),
            ..PersistentVolumeClaimSpec::default()
        }),
        status: None,
    })
}
