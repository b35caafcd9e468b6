// SPDX-License-Identifier: Apache-2.0
package io.mmubridge;

import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.core.domain.JavaCall.Predicates.target;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.type;
import static com.tngtech.archunit.core.domain.properties.HasName.Predicates.name;
import static com.tngtech.archunit.core.domain.properties.HasOwner.Predicates.With.owner;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noMethods;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.core.importer.Location;
import io.mmubridge.backend.NativeWord;
import io.mmubridge.jfr.InvalidationRecorder;
import io.mmubridge.jfr.RecorderAgent;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;

/** What may use what. */
class ArchitectureTest {
    private static final JavaClasses ALL = new ClassFileImporter().importPackages("io.mmubridge");
    private static final JavaClasses SHIPPED = new ClassFileImporter()
            .withImportOption(ArchitectureTest::isShipped)
            .importPackages("io.mmubridge");

    private static boolean isShipped(Location location) {
        return new ImportOption.DoNotIncludeTests().includes(location);
    }

    @Test
    void onlyTheKernelBackendUsesTheBindings() {
        noClasses()
                .that()
                .resideOutsideOfPackages("io.mmubridge.kernel", "io.mmubridge.ffi")
                .should()
                .dependOnClassesThat()
                .resideInAPackage("io.mmubridge.ffi")
                .check(SHIPPED);
    }

    /** But for a guard's word, which is not to be fetched through the backend at each check. */
    @Test
    void onlyTheKernelBackendTouchesNativeMemory() {
        noClasses()
                .that()
                .resideOutsideOfPackages("io.mmubridge.kernel", "io.mmubridge.ffi")
                .and()
                .doNotBelongToAnyOf(NativeWord.class)
                .should()
                .dependOnClassesThat(resideInAPackage("java.lang.foreign")
                        .and(not(type(MemorySegment.class)))
                        .and(not(type(MemorySegment.Scope.class))))
                .orShould()
                .callMethodWhere(target(name("reinterpret")))
                .check(SHIPPED);
    }

    @Test
    void onlyMmuChoosesTheBackend() {
        noClasses()
                .that()
                .resideInAPackage("io.mmubridge")
                .and()
                .areNotAssignableTo(Mmu.class)
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("io.mmubridge.kernel", "io.mmubridge.simulated")
                .check(SHIPPED);
    }

    /** Not a segment of its memory either: the model runs where native access is forbidden, and speaks of nothing real. */
    @Test
    void theModelKnowsNothingOfNativeMemory() {
        noClasses()
                .that()
                .resideInAnyPackage("io.mmubridge.model", "io.mmubridge.simulated")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("java.lang.foreign..", "io.mmubridge.ffi", "io.mmubridge.kernel")
                .orShould()
                .dependOnClassesThat()
                .belongToAnyOf(NativeWord.class)
                .check(SHIPPED);
    }

    /** Its backend is a driver like any other; of the public types it needs the words alone. */
    @Test
    void theModelKnowsNothingOfItsBackend() {
        noClasses()
                .that()
                .resideInAPackage("io.mmubridge.model")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("io.mmubridge.simulated", "io.mmubridge.backend")
                .check(SHIPPED);
    }

    @Test
    void backendsDoNotKnowWhatStandsInFrontOfThem() {
        noClasses()
                .that()
                .resideInAnyPackage("io.mmubridge.backend", "io.mmubridge.kernel", "io.mmubridge.simulated")
                .should()
                .dependOnClassesThat()
                .belongToAnyOf(
                        Mmu.class,
                        Subsystem.class,
                        Subscription.class,
                        EventStream.class,
                        Guard.class,
                        Shadow.class,
                        Launch.class)
                .check(SHIPPED);
    }

    @Test
    void onlyTheRecorderNeedsFlightRecorder() {
        noClasses()
                .that()
                .resideOutsideOfPackage("io.mmubridge.jfr")
                .should()
                .dependOnClassesThat()
                .resideInAPackage("jdk.jfr..")
                .check(SHIPPED);
    }

    @Test
    void onlyTheMBeanNeedsManagement() {
        noClasses()
                .that()
                .resideOutsideOfPackage("io.mmubridge.jmx")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("java.lang.management", "javax.management..")
                .check(SHIPPED);
    }

    /** They are entered where there may be no Flight Recorder, and say so. */
    @Test
    void theWayInLinksWithoutFlightRecorder() {
        noClasses()
                .that()
                .belongToAnyOf(InvalidationRecorder.class, RecorderAgent.class)
                .should()
                .dependOnClassesThat()
                .resideInAPackage("jdk.jfr..")
                .check(SHIPPED);
    }

    @Test
    void nothingElseNeedsTheRecorderOrTheMBean() {
        noClasses()
                .that()
                .resideOutsideOfPackages("io.mmubridge.jfr", "io.mmubridge.jmx")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("io.mmubridge.jfr", "io.mmubridge.jmx")
                .check(SHIPPED);
    }

    @Test
    void noJni() {
        noMethods().should().haveModifier(JavaModifier.NATIVE).check(ALL);
        noClasses()
                .should()
                .callMethod(System.class, "load", String.class)
                .orShould()
                .callMethod(System.class, "loadLibrary", String.class)
                .check(ALL);
    }

    @Test
    void noReflection() {
        noClasses()
                .should()
                .dependOnClassesThat()
                .resideInAPackage("java.lang.reflect")
                .orShould()
                .callMethod(Class.class, "forName", String.class)
                .check(SHIPPED);
    }

    @Test
    void nobodySleeps() {
        noClasses()
                .should()
                .callMethodWhere(target(name("sleep")).and(target(owner(type(Thread.class)))))
                .check(ALL);
    }
}
