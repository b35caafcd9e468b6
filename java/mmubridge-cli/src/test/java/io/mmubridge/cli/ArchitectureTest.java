// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.cli;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.core.importer.ClassFileImporter;
import org.junit.jupiter.api.Test;

class ArchitectureTest {
    @Test
    void theCommandLineUsesWhatTheLibraryExports() {
        noClasses()
                .that()
                .resideInAPackage("io.mmubridge.cli")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage(
                        "io.mmubridge.backend..",
                        "io.mmubridge.simulated..",
                        "io.mmubridge.kernel..",
                        "io.mmubridge.ffi..",
                        "java.lang.foreign..")
                .check(new ClassFileImporter().importPackages("io.mmubridge"));
    }
}
