// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.kernel;

import static io.mmubridge.ffi.mmubridge_h.*;

import java.util.Map;

/** Names of the system's error numbers. */
final class Errno {
    private static final Map<Integer, String> NAMES = Map.ofEntries(
            Map.entry(E2BIG(), "E2BIG"),
            Map.entry(EACCES(), "EACCES"),
            Map.entry(EBADF(), "EBADF"),
            Map.entry(EBUSY(), "EBUSY"),
            Map.entry(ECHILD(), "ECHILD"),
            Map.entry(EEXIST(), "EEXIST"),
            Map.entry(EFAULT(), "EFAULT"),
            Map.entry(EINTR(), "EINTR"),
            Map.entry(EINVAL(), "EINVAL"),
            Map.entry(EISCONN(), "EISCONN"),
            Map.entry(EMFILE(), "EMFILE"),
            Map.entry(EMLINK(), "EMLINK"),
            Map.entry(ENAMETOOLONG(), "ENAMETOOLONG"),
            Map.entry(ENFILE(), "ENFILE"),
            Map.entry(ENOBUFS(), "ENOBUFS"),
            Map.entry(ENODATA(), "ENODATA"),
            Map.entry(ENODEV(), "ENODEV"),
            Map.entry(ENOENT(), "ENOENT"),
            Map.entry(ENOMEM(), "ENOMEM"),
            Map.entry(ENOSPC(), "ENOSPC"),
            Map.entry(ENOTCONN(), "ENOTCONN"),
            Map.entry(ENOTTY(), "ENOTTY"),
            Map.entry(ENXIO(), "ENXIO"),
            Map.entry(EOPNOTSUPP(), "EOPNOTSUPP"),
            Map.entry(EPERM(), "EPERM"),
            Map.entry(EPROTO(), "EPROTO"),
            Map.entry(ESHUTDOWN(), "ESHUTDOWN"),
            Map.entry(ESRCH(), "ESRCH"),
            Map.entry(ETIMEDOUT(), "ETIMEDOUT"),
            Map.entry(EUSERS(), "EUSERS"),
            Map.entry(EXDEV(), "EXDEV"));

    private Errno() {}

    /**
     * The symbolic name, as manual pages list it.
     *
     * @param error a positive error number
     */
    static String name(int error) {
        return NAMES.getOrDefault(error, "errno " + error);
    }
}
