// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.model;

import java.util.ArrayList;
import java.util.List;

/**
 * Where an anonymous page may be mapped: {@code struct anon_vma}. The mappings that come from one by fork, split or move share
 * it, as if the kernel had but the root of each such tree.
 */
final class AnonVma {
    final RwSemaphore rwsem;

    /** Under the semaphore. A child comes after its parent, so that a walk finds what moves from one to the other. */
    private final List<VmArea> mappings = new ArrayList<>();

    AnonVma(Lockdep lockdep) {
        rwsem = new RwSemaphore(lockdep, LockClass.ANON_VMA);
    }

    void add(VmArea vma) {
        mappings.add(vma);
    }

    void remove(VmArea vma) {
        mappings.remove(vma);
    }

    List<VmArea> mappings() {
        return mappings;
    }
}
