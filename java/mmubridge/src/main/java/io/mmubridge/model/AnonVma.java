// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.model;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Where an anonymous page may be mapped: {@code struct anon_vma}. A fork makes one below that of the parent: a page of the
 * parent may be in the child as well, one that the child has made is never in the parent. The whole tree has one lock, and one
 * list where the kernel has a tree of intervals for each.
 */
final class AnonVma {
    final RwSemaphore rwsem;
    private final @Nullable AnonVma parent;

    /** Of the whole tree, under the semaphore. A child comes after its parent, so that a walk finds what fork copies. */
    private final List<VmArea> mappings;

    AnonVma(Lockdep lockdep) {
        rwsem = new RwSemaphore(lockdep, LockClass.ANON_VMA);
        parent = null;
        mappings = new ArrayList<>();
    }

    private AnonVma(AnonVma parent) {
        this.parent = parent;
        rwsem = parent.rwsem;
        mappings = parent.mappings;
    }

    /** {@code anon_vma_fork()}. */
    AnonVma forked() {
        return new AnonVma(this);
    }

    /** {@code list_is_singular(&vma->anon_vma_chain)}: what has it was not inherited by fork. */
    boolean isRoot() {
        return parent == null;
    }

    /** Whether a page of another one may be in a mapping that has this. */
    @SuppressWarnings("ReferenceEquality") // each is itself
    boolean isWithin(AnonVma other) {
        AnonVma each = this;
        while (each != null && each != other) {
            each = each.parent;
        }
        return each != null;
    }

    void add(VmArea vma) {
        mappings.add(vma);
    }

    void remove(VmArea vma) {
        mappings.remove(vma);
    }

    /** {@code anon_vma_interval_tree_foreach()}: those that a page of this may be in. Under the semaphore. */
    List<VmArea> mappings() {
        List<VmArea> within = new ArrayList<>();
        for (VmArea vma : mappings) {
            AnonVma other = vma.anonVma;
            if (other != null && other.isWithin(this)) {
                within.add(vma);
            }
        }
        return within;
    }
}
