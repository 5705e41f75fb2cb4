// Turns a template into the program that CompiledTemplateMessage runs for each row.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "channels/whatsapp/template_message.h"

namespace posthorn::whatsapp {

class ProgramBuilder {
 public:
  ProgramBuilder(CompiledTemplateMessage& message, const std::vector<Slot>& all);
  void build();

 private:
  using Op = CompiledTemplateMessage::Op;

  void literal(std::string_view text);
  void name(std::string_view text);  // as a JSON string
  void comma();
  void slot(const std::string& slot_name);         // its value, encoded by its type
  bool given(const std::string& slot_name) const;  // constant or variable
  // The body runs only if one of the slots has a value: decided here for constants, for each row otherwise.
  template <class F>
  void when_any(const std::vector<std::string>& slots, F body);

  void components();
  void header(const TemplateHeader& header, const std::string& prefix);
  void location(const std::string& prefix);
  void media(const TemplateHeader& header, const std::string& prefix);
  void body(const TemplateText& text, const std::string& prefix);
  void body_parameter(const std::string& variable, const std::string& slot_name);
  void button(const TemplateButton& button, std::size_t index, const std::string& prefix);
  void open_button(std::string_view sub_type, std::size_t index);
  void simple_button(std::string_view sub_type, std::size_t index, std::string_view parameter,
                     const std::string& slot_name);
  void code_button(std::size_t index);
  void flow_button(std::size_t index, const std::string& name);
  void multi_product_button(std::size_t index, const std::string& name);
  void voice_call_button(std::size_t index, const std::string& name);
  void card(const TemplateCard& card, std::size_t index);
  void offer();
  void tap_target();
  void limit(std::string part, std::size_t characters, const TemplateText& text, const std::string& prefix);

  const Slot& definition(const std::string& slot_name) const;
  std::uint32_t variable_index(const std::string& slot_name) const;  // kNone if it is no variable
  std::string slot_of_placeholder(const std::string& prefix, const std::string& variable) const;

  CompiledTemplateMessage& message_;
  const std::vector<Slot>& all_;
  std::size_t last_target_ = 0;  // the op that was last made the target of a jump
};

}  // namespace posthorn::whatsapp
