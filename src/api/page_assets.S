// The files of src/api/page/ as bytes of the binary.
.macro asset name, file
  .globl posthorn_page_\name
  .globl posthorn_page_\name\()_end
  posthorn_page_\name:
  .incbin "\file"
  posthorn_page_\name\()_end:
  .byte 0
.endm

.section .rodata
asset index, "index.html"
asset login, "login.html"
asset app_js, "app.js"
asset broadcast_js, "broadcast.js"
asset chart_js, "chart.js"
asset list_js, "list.js"
asset login_js, "login.js"
asset server_js, "server.js"
asset style, "style.css"
asset text_js, "text.js"
asset icon, "icon.svg"

.section .note.GNU-stack,"",%progbits
