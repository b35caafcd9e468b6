// SPDX-License-Identifier: Apache-2.0
/**
 * libmmubridge's functions, structures and constants, written by jextract from the C headers; {@code scripts/jextract}
 * writes them again. Only {@link io.mmubridge.ffi.NativeLibrary} is written by hand.
 */
package io.mmubridge.ffi;
