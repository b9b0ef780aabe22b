from kfp import dsl


@dsl.container_component
def idle():
    return dsl.ContainerSpec(image="busybox:1.36", command=["true"])


@dsl.pipeline(name="resources-from-parameters", description="What a step may have is said when the run is made.")
def pipeline(cpu: str = "1", memory: str = "1G", accelerator: str = "nvidia.com/gpu", count: str = "1"):
    idle().set_cpu_request(cpu).set_cpu_limit(cpu).set_memory_request(memory).set_memory_limit(memory)
    idle().set_accelerator_type(accelerator).set_accelerator_limit(count)
