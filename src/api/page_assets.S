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
asset chart_js, "chart.js"
asset login_js, "login.js"
asset style, "style.css"
asset icon, "icon.svg"

.section .note.GNU-stack,"",%progbits
