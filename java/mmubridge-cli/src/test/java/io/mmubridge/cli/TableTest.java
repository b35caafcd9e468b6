// SPDX-License-Identifier: Apache-2.0
package io.mmubridge.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintWriter;
import java.io.StringWriter;
import org.junit.jupiter.api.Test;

class TableTest {
    @Test
    void wordsStandLeftAndNumbersRight() {
        Table table = new Table("what", "users", "note");
        table.row("get", "1", "made");
        table.row("a longer word", "1000", "");
        StringWriter text = new StringWriter();
        table.write(new PrintWriter(text, true));

        assertThat(text.toString().lines())
                .containsExactly("what           users  note", "get                1  made", "a longer word   1000");
    }

    @Test
    void asHtmlItIsEscapedAndNumbersAreMarked() {
        Table table = new Table("what", "users");
        table.row("a<b", "1");
        StringBuilder html = new StringBuilder();
        table.writeHtml(html, text -> text.replace("<", "&lt;"));

        assertThat(html.toString().lines())
                .containsExactly(
                        "<table>",
                        "<tr><th>what</th><th class=\"number\">users</th></tr>",
                        "<tr><td>a&lt;b</td><td class=\"number\">1</td></tr>",
                        "</table>");
    }
}
