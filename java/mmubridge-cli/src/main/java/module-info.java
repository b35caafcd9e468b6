// SPDX-License-Identifier: Apache-2.0
/** The command line. Being a module, it sees of the library what the library exports. */
module io.mmubridge.cli {
    requires com.fasterxml.jackson.core;
    requires info.picocli;
    requires io.mmubridge;
    requires org.jline.terminal;
    requires static org.jspecify;

    opens io.mmubridge.cli to
            info.picocli;
}
