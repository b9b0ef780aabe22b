from kfp import dsl
from kfp.dsl import PipelineTaskFinalStatus


@dsl.component
def report(status: PipelineTaskFinalStatus):
    print(status.state, status.error_message)


@dsl.container_component
def idle():
    return dsl.ContainerSpec(image="busybox:1.36", command=["true"])


@dsl.pipeline(name="final-status", description="A last step that is told how the others ended, and one that runs after a failure.")
def pipeline():
    last = report()
    with dsl.ExitHandler(exit_task=last):
        idle()
