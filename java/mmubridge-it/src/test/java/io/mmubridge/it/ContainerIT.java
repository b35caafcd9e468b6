// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.abort;
import static org.junit.jupiter.api.Assumptions.assumeFalse;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.github.dockerjava.api.exception.NotFoundException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.testcontainers.DockerClientFactory;
import org.testcontainers.containers.BindMode;
import org.testcontainers.containers.Container.ExecResult;
import org.testcontainers.containers.GenericContainer;
import org.testcontainers.utility.DockerImageName;

/**
 * mmubridge in a container that has QEMU, no privileges and no network: the way in for machines on which nothing can
 * be loaded. Unlike the other tests this one runs outside of the guest, since it starts its own.
 */
@Timeout(value = 10, unit = TimeUnit.MINUTES)
class ContainerIT {
    private static final DockerImageName IMAGE = DockerImageName.parse("mmubridge-it:latest");
    private static final Path PROJECT =
            Path.of(System.getProperty("mmubridge.project")).toAbsolutePath().normalize();
    private static final Path CACHE = Optional.ofNullable(System.getenv("XDG_CACHE_HOME"))
            .map(Path::of)
            .orElse(Path.of(System.getProperty("user.home"), ".cache"));
    private static final Path KERNELS = CACHE.resolve("mmubridge");
    private static final Path JAVA_HOME = Path.of(System.getProperty("java.home"));

    @BeforeAll
    static void needsEngineAndImage() {
        assumeFalse(System.getProperty("mmubridge.vm", "").equals("skip"), "mmubridge.vm=skip asks for no machine");
        assumeTrue(
                DockerClientFactory.instance().isDockerAvailable(),
                "no Docker engine answers; scripts/container-image starts one");
        try {
            DockerClientFactory.instance()
                    .client()
                    .inspectImageCmd(IMAGE.asCanonicalNameString())
                    .exec();
        } catch (NotFoundException e) {
            abort("the engine has no image " + IMAGE + "; scripts/container-image makes it");
        }
    }

    @Test
    @DisplayName("info --json in a guest in an unprivileged container")
    void infoInAnUnprivilegedContainer() throws Exception {
        try (GenericContainer<?> container = new GenericContainer<>(IMAGE)) {
            container
                    .withImagePullPolicy(image -> false)
                    .withNetworkMode("none")
                    .withLabel("io.mmubridge.test", "ContainerIT")
                    .withFileSystemBind(PROJECT.toString(), PROJECT.toString(), BindMode.READ_WRITE)
                    .withFileSystemBind(KERNELS.toString(), KERNELS.toString(), BindMode.READ_WRITE)
                    .withFileSystemBind(JAVA_HOME.toString(), JAVA_HOME.toString(), BindMode.READ_ONLY)
                    .withEnv("XDG_CACHE_HOME", CACHE.toString())
                    .withEnv("JAVA_HOME", JAVA_HOME.toString())
                    .withCommand("sleep", "infinity")
                    .start();
            assertThat(container.getCurrentContainerInfo().getHostConfig().getPrivileged())
                    .isFalse();

            ExecResult result = container.execInContainer(
                    PROJECT.resolve("scripts/mmubridge").toString(), "--vm", "info", "--json");

            assertThat(result.getExitCode()).as(result.getStderr()).isZero();
            JsonNode info = new ObjectMapper().readTree(result.getStdout());
            assertThat(info.get("backend").asText()).isEqualTo("kernel");
            assertThat(info.get("capabilities").get("watch").asBoolean()).isTrue();
        }
    }
}
