// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.model;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassModel;
import java.lang.classfile.CodeModel;
import java.lang.classfile.Opcode;
import java.lang.classfile.instruction.FieldInstruction;
import java.lang.classfile.instruction.InvokeInstruction;
import java.lang.invoke.VarHandle;
import java.lang.reflect.AccessFlag;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.locks.ReentrantLock;
import org.junit.jupiter.api.Test;

/**
 * The barriers of {@link Srcu}, as its javadoc draws them.
 *
 * <p>No run on x86-64 can miss one of them: there a volatile store, a lock and an atomic addition are full fences themselves,
 * loads stay in order, and each barrier has one of these beside it. A model checker knows sequential consistency alone. Where
 * processors reorder more they are needed, so what each method does to memory is read off its byte code, in order.
 */
class SrcuBarriersTest {
    private static final String VAR_HANDLE = internalName(VarHandle.class);
    private static final String LOCK = internalName(ReentrantLock.class);
    private static final String SRCU = internalName(Srcu.class);

    private final ClassModel srcu = parse();

    private static String internalName(Class<?> of) {
        return of.getName().replace('.', '/');
    }

    private static ClassModel parse() {
        try (InputStream code = Objects.requireNonNull(Srcu.class.getResourceAsStream("Srcu.class"))) {
            return ClassFile.of().parse(code.readAllBytes());
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    /** Accesses to shared memory, fences, locks, and calls of the methods that have some. */
    private List<String> steps(String method) {
        CodeModel code = srcu.methods().stream()
                .filter(each -> each.methodName().equalsString(method))
                .findFirst()
                .flatMap(each -> each.code())
                .orElseThrow();
        List<String> steps = new ArrayList<>();
        code.forEach(element -> {
            switch (element) {
                case FieldInstruction field
                when field.name().equalsString("index") ->
                    steps.add(field.opcode() == Opcode.GETFIELD ? "load index" : "store index");
                case InvokeInstruction call
                when isStep(call) -> steps.add(call.name().stringValue());
                default -> {}
            }
        });
        return steps;
    }

    private static boolean isStep(InvokeInstruction call) {
        String owner = call.owner().asInternalName();
        boolean ours = call.name().equalsString("awaitEmpty") || call.name().equalsString("sum");
        return owner.equals(VAR_HANDLE) || owner.equals(LOCK) || (owner.equals(SRCU) && ours);
    }

    @Test
    void aReaderLooksTheIndexUpOnceAndFences() {
        assertThat(steps("readLock")).containsExactly("load index", "getAndAdd");
        assertThat(steps("readUnlock")).containsExactly("getAndAdd");
    }

    @Test
    void aGracePeriodFencesBeforeEachWait() {
        assertThat(steps("synchronize"))
                .startsWith(
                        "lock",
                        "fullFence",
                        "load index",
                        "awaitEmpty",
                        "store index",
                        "fullFence",
                        "awaitEmpty",
                        "unlock");
    }

    @Test
    void endsAreSummedBeforeBegins() {
        assertThat(steps("isEmpty")).containsExactly("sum", "fullFence", "sum");
        assertThat(steps("sum")).containsExactly("getAcquire");
    }

    @Test
    void theIndexIsVolatile() {
        assertThat(srcu.fields())
                .filteredOn(field -> field.fieldName().equalsString("index"))
                .singleElement()
                .satisfies(field ->
                        assertThat(field.flags().has(AccessFlag.VOLATILE)).isTrue());
    }
}
