// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.model;

/** What a process may do with a mapping: the {@code PROT_*} of {@code mmap(2)}. */
public enum Protection {
    /** {@code PROT_NONE}. */
    NONE(false, false),
    /** {@code PROT_READ}. */
    READ(false, false),
    /** {@code PROT_READ | PROT_WRITE}. */
    READ_WRITE(true, false),
    /** {@code PROT_READ | PROT_EXEC}. */
    READ_EXEC(false, true),
    /** {@code PROT_READ | PROT_WRITE | PROT_EXEC}. */
    READ_WRITE_EXEC(true, true);

    private final boolean write;
    private final boolean execute;

    Protection(boolean write, boolean execute) {
        this.write = write;
        this.execute = execute;
    }

    /**
     * {@code VM_READ}.
     *
     * @return whether reads are allowed
     */
    public boolean canRead() {
        return this != NONE;
    }

    /**
     * {@code VM_WRITE}.
     *
     * @return whether writes are allowed
     */
    public boolean canWrite() {
        return write;
    }

    /**
     * {@code VM_EXEC}.
     *
     * @return whether instructions may be fetched
     */
    public boolean canExecute() {
        return execute;
    }
}
