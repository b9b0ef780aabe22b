from kfp import dsl


@dsl.container_component
def idle():
    return dsl.ContainerSpec(image="busybox:1.36", command=["true"])


@dsl.pipeline(name="resources", description="Processors, memory and accelerators that a step asks for and may have.")
def pipeline():
    idle().set_cpu_request("250m").set_cpu_limit("1").set_memory_request("128Mi").set_memory_limit("1G")
    idle().set_accelerator_type("nvidia.com/gpu").set_accelerator_limit("2")
