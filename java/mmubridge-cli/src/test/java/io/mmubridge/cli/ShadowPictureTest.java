// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;

class ShadowPictureTest {
    private static ShadowPicture picture(ShadowLook look) {
        return new ShadowPicture("java", look, look.events());
    }

    private static Document parse(String svg) throws Exception {
        DocumentBuilderFactory factory = DocumentBuilderFactory.newInstance();
        factory.setFeature("http://apache.org/xml/features/disallow-doctype-decl", true);
        return factory.newDocumentBuilder().parse(new ByteArrayInputStream(svg.getBytes(StandardCharsets.UTF_8)));
    }

    private static List<Element> elements(Document document, String name) {
        NodeList nodes = document.getElementsByTagName(name);
        List<Element> elements = new ArrayList<>();
        for (int i = 0; i < nodes.getLength(); i++) {
            elements.add((Element) nodes.item(i));
        }
        return elements;
    }

    private static List<String> texts(Document document, String name) {
        return elements(document, name).stream().map(Element::getTextContent).toList();
    }

    @Test
    void eachCellIsDrawnOnceAndSaysWhatItIs() throws Exception {
        Document document = parse(picture(Looks.wide(2)).svg());

        assertThat(texts(document, "title"))
                .startsWith("Memory of process 4711, java")
                .contains("""
                        0x700008000-0x700010000 rw-p anonymous
                        3 of 8 pages present, 3 writable, 0 huge
                        0 dropped: 0 the same, 0 moved, 0 reprotected, 0 gone; 0 new""")
                .contains("""
                        0x7f0000010000-0x7f0000018000 rw-p [stack]
                        8 of 8 pages present, 8 writable, 0 huge
                        8 dropped: 5 the same, 2 moved, 0 reprotected, 1 gone; 0 new""")
                .anySatisfy(title -> assertThat(title).contains("each of 62 cells: 8 of 8 pages present"));
        int width = 0;
        for (Element frame : elements(document, "rect")) {
            if (frame.getAttribute("class").equals("frame")) {
                width += Integer.parseInt(frame.getAttribute("width"));
            }
        }
        assertThat(width).isEqualTo(73 * 11);
        assertThat(elements(document, "rect"))
                .extracting(rect -> rect.getAttribute("class"))
                .contains("moved");
        assertThat(texts(document, "text"))
                .contains("700000000", "700200000", "7f0000000000", "moved", "a cell is 32K");
    }

    @Test
    void oneLookHasNoChanges() throws Exception {
        Document document = parse(picture(Looks.wide(1)).svg());

        assertThat(elements(document, "rect"))
                .extracting(rect -> rect.getAttribute("class"))
                .contains("huge", "writable", "read_only", "absent")
                .doesNotContain("moved", "same");
        assertThat(texts(document, "text")).doesNotContain("moved");
    }

    @Test
    void namesCannotBreakIt() throws Exception {
        ShadowLook look = Looks.look(
                1, Looks.area(Looks.HEAP, "rw-p", "/tmp/<script>&\"\u0001", Looks.FULL, Looks.FULL, Looks.FULL));
        Document document = parse(picture(look).svg());

        assertThat(texts(document, "title"))
                .anySatisfy(title -> assertThat(title).contains("<script>&\""));
        assertThat(picture(look).html()).doesNotContain("<script");
    }

    @Test
    void aPageHasPictureAndTablesAndNothingFromElsewhere() {
        String html = picture(Looks.wide(2)).html();

        assertThat(html)
                .startsWith("<!DOCTYPE html>")
                .contains("<svg ", "<td>[stack]</td>", "<th class=\"number\">moved</th>", "<td>munmap</td>")
                .doesNotContain("<script", "<link", "src=", "href=", "url(");
    }
}
