//! LEDGER: what the looks at stored pipelines must hold; no server.

use kfp_releases::schema::SchemaCatalog;
use rstest::rstest;

/// What the queries name, by table.
#[rstest]
#[case("pipelines", "UUID Name Namespace")]
#[case(
    "pipeline_versions",
    "UUID CreatedAtInSec Name PipelineId PipelineSpec PipelineSpecURI"
)]
#[case(
    "jobs",
    "UUID CreatedAtInSec DisplayName Namespace ServiceAccount ExperimentUUID Enabled PipelineId PipelineVersionId \
     PipelineName PipelineSpecManifest WorkflowSpecManifest"
)]
#[case(
    "run_details",
    "UUID CreatedAtInSec DisplayName Namespace ServiceAccount ExperimentUUID PipelineId PipelineVersionId \
     PipelineName PipelineSpecManifest WorkflowSpecManifest"
)]
#[case("experiments", "UUID Name Namespace LastRunCreatedAtInSec")]
fn every_column_stands_in_the_schema_of_every_release_that_can_be_installed(
    #[case] table: &str,
    #[case] columns: &str,
) {
    let catalog = SchemaCatalog::load().unwrap();
    for release in ["2.5.0", "2.16.1", "2.17.0"] {
        let schema = &catalog.of_release(release.parse().unwrap()).unwrap().schema;
        let known = &schema.tables[table].columns;
        for column in columns.split_whitespace() {
            assert!(known.contains_key(column), "{release}: {table}.{column}");
        }
    }
}
