// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.ffi;

import io.mmubridge.MmuUnavailableException;
import io.mmubridge.MmuUnavailableException.Reason;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.nio.file.Path;
import java.util.Optional;
import org.jspecify.annotations.NullMarked;
import org.jspecify.annotations.Nullable;

/**
 * Where libmmubridge is: at the absolute path that the system property {@value #PROPERTY} names, else wherever the
 * dynamic loader finds {@value #SONAME}.
 */
@NullMarked
public final class NativeLibrary {
    /** The system property that names the library's file. */
    public static final String PROPERTY = "mmubridge.library";

    private static final String SONAME = "libmmubridge.so.1";

    private static @Nullable SymbolLookup library;

    private NativeLibrary() {}

    /**
     * Opens the library if it is not open yet. It stays open for the life of the JVM.
     *
     * @throws MmuUnavailableException if there is none, or this module may not call native code
     */
    public static synchronized void require() {
        if (library == null) {
            library = open(System.getProperty(PROPERTY));
        }
    }

    /** The library's symbols; none before {@link #require()}, so that the classes around this one always load. */
    static SymbolLookup symbols() {
        return NativeLibrary::find;
    }

    private static synchronized Optional<MemorySegment> find(String name) {
        return library == null ? Optional.empty() : library.find(name);
    }

    private static SymbolLookup open(@Nullable String path) {
        try {
            if (path == null) {
                return SymbolLookup.libraryLookup(SONAME, Arena.global());
            }
            Path file = Path.of(path);
            if (!file.isAbsolute()) {
                throw new MmuUnavailableException(
                        Reason.NO_LIBRARY,
                        "The system property " + PROPERTY + " must be an absolute path, not " + path);
            }
            return SymbolLookup.libraryLookup(file, Arena.global());
        } catch (IllegalCallerException e) {
            throw new MmuUnavailableException(Reason.NO_NATIVE_ACCESS, noNativeAccess(NativeLibrary.class), e);
        } catch (IllegalArgumentException e) {
            throw new MmuUnavailableException(Reason.NO_LIBRARY, noLibrary(path), e);
        }
    }

    private static String noLibrary(@Nullable String path) {
        return path == null
                ? "The dynamic loader does not find " + SONAME + ". Install libmmubridge, or name its file with -D"
                        + PROPERTY + "=/absolute/path/" + SONAME
                : "libmmubridge cannot be loaded from " + path + ", which the system property " + PROPERTY
                        + " names. Build or install it there";
    }

    private static String noNativeAccess(Class<?> caller) {
        Module module = caller.getModule();
        String name = module.isNamed() ? module.getName() : "ALL-UNNAMED";
        return "This JVM does not let mmubridge call native code. Start it with --enable-native-access=" + name;
    }
}
