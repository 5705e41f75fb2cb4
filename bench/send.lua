-- The request of bench/send_bench.cpp for wrk.
wrk.method = "POST"
wrk.path = "/v25.0/106540352242923/messages"
wrk.headers["Content-Type"] = "application/json"
wrk.body = '{"messaging_product":"whatsapp","recipient_type":"individual","to":"+4915100000001","type":"template",' ..
  '"biz_opaque_callback_data":"v1.1.1.1.1.abcdefghijklmnopqrstuv","template":{"name":"spring_sale","language":' ..
  '{"code":"en_US"},"components":[{"type":"header","parameters":[{"type":"text","text":"Spring Sale"}]},' ..
  '{"type":"body","parameters":[{"type":"text","text":"Anna"},{"type":"text","text":"the end of the month"},' ..
  '{"type":"text","text":"SPRING"},{"type":"text","text":"10 %"}]}]}}'
