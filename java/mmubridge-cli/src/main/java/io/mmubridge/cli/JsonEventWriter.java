// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.cli;

import com.fasterxml.jackson.core.JsonGenerator;
import io.mmubridge.Cause;
import io.mmubridge.EventPhase;
import io.mmubridge.EventType;
import io.mmubridge.InvalidationEvent;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** One object a line; other programs rely on the names. */
final class JsonEventWriter implements EventWriter {
    private final PrintWriter out;
    private final JsonGenerator json;
    private final boolean spaces;
    private final @Nullable Stacks stacks;

    /**
     * Writes to a stream.
     *
     * @param out the stream
     * @param spaces whether there may be several processes, so that each line says whose it is
     * @param stacks where frames come from, or null if none are wanted
     */
    JsonEventWriter(PrintWriter out, boolean spaces, @Nullable Stacks stacks) throws IOException {
        this.out = out;
        this.spaces = spaces;
        this.stacks = stacks;
        json = Json.generator(out);
    }

    @Override
    public void event(int space, InvalidationEvent event) throws IOException {
        json.writeStartObject();
        if (spaces) {
            json.writeNumberField("space", space);
        }
        json.writeNumberField("seq", event.seq());
        json.writeNumberField("n", event.n());
        json.writeNumberField("time_ns", event.timeNanos());
        json.writeStringField("phase", event.phase().label());
        json.writeStringField("type", type(event));
        json.writeStringField("start", Json.address(event.start()));
        json.writeStringField("end", Json.address(event.end()));
        json.writeBooleanField("blockable", event.isBlockable());
        json.writeNumberField("pid", event.pid());
        json.writeNumberField("tid", event.tid());
        json.writeStringField("comm", event.comm());
        json.writeStringField("entry", event.entry().label());
        json.writeStringField("syscall", event.syscall());
        Cause cause = event.cause();
        json.writeStringField("cause", cause == null ? null : cause.label());
        json.writeNumberField("shadowed", event.shadowed());
        if (stacks != null && event.stackId() != 0) {
            writeFrames(stacks.frames(event.stackId()));
        }
        if (event.phase() == EventPhase.LOST) {
            json.writeNumberField("lost_from", event.lostFrom());
            json.writeNumberField("lost_to", event.lostTo());
        }
        json.writeEndObject();
        Json.newLine(json);
    }

    /** Marks of the stream have no type. */
    private static @Nullable String type(InvalidationEvent event) {
        return switch (event.phase()) {
            case START, RELEASE -> event.type().name();
            case EXEC, LOST, DETACHED -> null;
        };
    }

    private void writeFrames(List<String> frames) throws IOException {
        json.writeArrayFieldStart("stack");
        for (String frame : frames) {
            json.writeString(frame);
        }
        json.writeEndArray();
    }

    @Override
    public void interim(Summary summary) throws IOException {
        write("interim", summary);
    }

    @Override
    public void summary(Summary summary) throws IOException {
        write("summary", summary);
    }

    private void write(String name, Summary summary) throws IOException {
        Tally tally = summary.tally();
        json.writeStartObject();
        json.writeObjectFieldStart(name);
        json.writeNumberField("pid", summary.pid());
        json.writeStringField("subsystem", summary.subsystem());
        Summary.End end = summary.end();
        json.writeStringField("end", end == null ? null : end.label());
        json.writeNumberField("duration_ns", summary.durationNanos());
        json.writeNumberField("events", tally.events());
        json.writeNumberField("lost", tally.lost());
        json.writeNumberField("pages", tally.pages());
        json.writeNumberField("rate", Math.round(summary.rate() * 10) / 10.0);
        json.writeObjectFieldStart("by_type");
        for (Map.Entry<EventType, Tally.Count> type : tally.byType().entrySet()) {
            json.writeNumberField(type.getKey().name(), type.getValue().events());
        }
        json.writeEndObject();
        json.writeArrayFieldStart("by_cause");
        for (Map.Entry<Cause, Tally.Count> cause : tally.byCause()) {
            json.writeStartObject();
            json.writeStringField("cause", cause.getKey().label());
            json.writeNumberField("events", cause.getValue().events());
            json.writeNumberField("pages", cause.getValue().pages());
            json.writeEndObject();
        }
        json.writeEndArray();
        json.writeArrayFieldStart("by_task");
        for (Map.Entry<Tally.Task, Tally.Count> task : tally.byTask()) {
            json.writeStartObject();
            json.writeNumberField("pid", task.getKey().pid());
            json.writeNumberField("tid", task.getKey().tid());
            json.writeStringField("comm", task.getKey().comm());
            json.writeNumberField("events", task.getValue().events());
            json.writeNumberField("pages", task.getValue().pages());
            json.writeEndObject();
        }
        json.writeEndArray();
        Integer status = summary.status();
        if (status == null) {
            json.writeNullField("status");
        } else {
            json.writeNumberField("status", status);
        }
        if (summary.missedStart()) {
            json.writeBooleanField("missed_start", true);
        }
        if (spaces) {
            writeSpaces(summary);
        }
        json.writeEndObject();
        json.writeEndObject();
        Json.newLine(json);
    }

    private void writeSpaces(Summary summary) throws IOException {
        json.writeArrayFieldStart("spaces");
        for (Summary.Space space : summary.spaces()) {
            json.writeStartObject();
            json.writeNumberField("space", space.space());
            json.writeNumberField("pid", space.pid());
            json.writeNumberField("events", space.events());
            json.writeNumberField("lost", space.lost());
            json.writeEndObject();
        }
        json.writeEndArray();
    }

    @Override
    public void flush() throws IOException {
        json.flush();
    }

    @Override
    public boolean isBroken() {
        return out.checkError();
    }
}
