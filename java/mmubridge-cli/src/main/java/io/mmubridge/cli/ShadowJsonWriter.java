// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.cli;

import com.fasterxml.jackson.core.JsonGenerator;
import io.mmubridge.AddressRange;
import io.mmubridge.Cause;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.Map;

/** One object a look; other programs rely on the names. */
final class ShadowJsonWriter implements ShadowWriter {
    private final PrintWriter out;
    private final JsonGenerator json;
    private final boolean pages;

    /**
     * Writes to a stream.
     *
     * @param out the stream
     * @param pages whether with each page
     */
    ShadowJsonWriter(PrintWriter out, boolean pages) throws IOException {
        this.out = out;
        this.pages = pages;
        json = Json.generator(out);
    }

    @Override
    public void look(ShadowLook look) throws IOException {
        json.writeStartObject();
        json.writeNumberField("look", look.number());
        json.writeNumberField("pid", look.pid());
        json.writeNumberField("time_ns", look.timeNanos());
        json.writeNumberField("cell_size", look.cellSize());
        write(look.now());
        json.writeArrayFieldStart("mappings");
        for (ShadowLook.Area area : look.areas()) {
            write(area);
        }
        json.writeEndArray();
        json.writeArrayFieldStart("left_out");
        for (ShadowLook.LeftOut left : look.leftOut()) {
            json.writeStartObject();
            json.writeStringField("reason", left.reason());
            json.writeArrayFieldStart("ranges");
            for (AddressRange range : left.ranges()) {
                json.writeStartObject();
                write(range);
                json.writeEndObject();
            }
            json.writeEndArray();
            json.writeEndObject();
        }
        json.writeEndArray();
        write(look.events());
        if (pages) {
            json.writeArrayFieldStart("frames");
            for (ShadowSpace.Page page : look.pages()) {
                json.writeStartObject();
                json.writeStringField("address", Json.address(page.address()));
                json.writeNumberField("frame", page.frame());
                json.writeBooleanField("writable", page.isWritable());
                json.writeBooleanField("huge", page.isHuge());
                json.writeEndObject();
            }
            json.writeEndArray();
        }
        json.writeEndObject();
        end();
    }

    private void write(ShadowLook.Area area) throws IOException {
        json.writeStartObject();
        write(area.mapping().range());
        json.writeStringField("permissions", area.mapping().permissions());
        json.writeStringField("name", area.mapping().name());
        write(area.now());
        StringBuilder map = new StringBuilder();
        area.cells().forEach(cell -> map.append(ShadowKind.letter(cell.now())));
        json.writeStringField("map", map.toString());
        json.writeObjectFieldStart("by_cause");
        for (Map.Entry<Cause, Long> cause : area.causes().entrySet()) {
            json.writeNumberField(cause.getKey().label(), cause.getValue());
        }
        json.writeEndObject();
        json.writeEndObject();
    }

    private void write(AddressRange range) throws IOException {
        json.writeStringField("start", Json.address(range.start()));
        json.writeStringField("end", Json.address(range.end()));
    }

    private void write(ShadowCounts counts) throws IOException {
        json.writeNumberField("pages", counts.pages());
        json.writeNumberField("present", counts.present());
        json.writeNumberField("writable", counts.writable());
        json.writeNumberField("huge", counts.huge());
        json.writeNumberField("added", counts.added());
        json.writeNumberField("dropped", counts.dropped());
        json.writeNumberField("same", counts.same());
        json.writeNumberField("moved", counts.moved());
        json.writeNumberField("reprotected", counts.reprotected());
        json.writeNumberField("gone", counts.gone());
        json.writeNumberField("upgraded", counts.upgraded());
        json.writeNumberField("mismatched", counts.mismatched());
    }

    private void write(ShadowEvents.Snapshot events) throws IOException {
        json.writeNumberField("events", events.all().events());
        json.writeNumberField("lost", events.lost());
        json.writeArrayFieldStart("by_cause");
        for (Map.Entry<Cause, ShadowEvents.Count> cause : events.byCause().entrySet()) {
            json.writeStartObject();
            json.writeStringField("cause", cause.getKey().label());
            write(cause.getValue());
            json.writeEndObject();
        }
        json.writeEndArray();
        json.writeArrayFieldStart("by_task");
        for (Map.Entry<Tally.Task, ShadowEvents.Count> task : events.byTask().entrySet()) {
            json.writeStartObject();
            json.writeNumberField("pid", task.getKey().pid());
            json.writeNumberField("tid", task.getKey().tid());
            json.writeStringField("comm", task.getKey().comm());
            write(task.getValue());
            json.writeEndObject();
        }
        json.writeEndArray();
    }

    private void write(ShadowEvents.Count count) throws IOException {
        json.writeNumberField("events", count.events());
        json.writeNumberField("pages", count.pages());
        json.writeNumberField("dropped", count.dropped());
        json.writeNumberField("last_ns", count.lastNanos());
    }

    @Override
    public void interim(ShadowSummary summary) throws IOException {
        write("interim", summary);
    }

    @Override
    public void summary(ShadowSummary summary) throws IOException {
        write("summary", summary);
    }

    private void write(String name, ShadowSummary summary) throws IOException {
        json.writeStartObject();
        json.writeObjectFieldStart(name);
        json.writeNumberField("pid", summary.pid());
        json.writeStringField("subsystem", summary.subsystem());
        Summary.End end = summary.end();
        json.writeStringField("end", end == null ? null : end.label());
        json.writeNumberField("duration_ns", summary.durationNanos());
        json.writeNumberField("looks", summary.looks());
        write(summary.counts());
        write(summary.events());
        json.writeEndObject();
        json.writeEndObject();
        end();
    }

    private void end() throws IOException {
        Json.newLine(json);
        json.flush();
    }

    @Override
    public boolean isBroken() {
        return out.checkError();
    }
}
