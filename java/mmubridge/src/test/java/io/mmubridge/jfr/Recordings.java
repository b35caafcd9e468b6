// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.jfr;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;

/** Reading what was recorded. */
final class Recordings {
    private Recordings() {}

    /** The events of this project in a recording that runs or has stopped, which is written into {@code directory}. */
    static List<RecordedEvent> ours(Recording recording, Path directory) throws IOException {
        Path file = directory.resolve(recording.getId() + ".jfr");
        recording.dump(file);
        return RecordingFile.readAllEvents(file).stream()
                .filter(event -> event.getEventType().getName().startsWith("io.mmubridge."))
                .toList();
    }
}
